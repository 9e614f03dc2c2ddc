// A web server, and clients that have 1,000 connections to it at the same time.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

const connections = 1000

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Each client asks once. Returns how many answers are right, and how many connections were used again.
func askAll(client *http.Client, address, path string) (answers, reused int64) {
	var clients sync.WaitGroup
	for i := 0; i < connections; i++ {
		clients.Add(1)
		go func() {
			defer clients.Done()
			request := must(http.NewRequest("GET", fmt.Sprintf("http://%s/%s/%d", address, path, i), nil))
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
				if info.Reused {
					atomic.AddInt64(&reused, 1)
				}
			}}
			response := must(client.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace))))
			text := must(io.ReadAll(response.Body))
			response.Body.Close()
			if string(text) == fmt.Sprintf("this is /%s/%d", path, i) {
				atomic.AddInt64(&answers, 1)
			}
		}()
	}
	clients.Wait()
	return
}

func main() {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	for _, path := range []string{"first", "second"} {
		var asked sync.WaitGroup
		asked.Add(connections)
		http.HandleFunc("/"+path+"/", func(writer http.ResponseWriter, request *http.Request) {
			asked.Done()
			asked.Wait() // for all other clients
			fmt.Fprintf(writer, "this is %s", request.URL.Path)
		})
	}
	go http.Serve(listener, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	for _, path := range []string{"first", "second"} {
		answers, reused := askAll(client, listener.Addr().String(), path)
		fmt.Printf("%s: %d answers, %d connections used again\n", path, answers, reused)
	}
}
