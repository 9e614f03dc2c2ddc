// A program of the Go runtime: goroutines, timers, files, pipes and another program.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const many = 1000

// Each goroutine passes a number on to the next one.
func ring() int {
	first := make(chan int)
	in := first
	for i := 0; i < many; i++ {
		out := make(chan int)
		go func(in, out chan int) { out <- <-in + 1 }(in, out)
		in = out
	}
	go func() { first <- 0 }()
	return <-in
}

// All goroutines sleep, and add under a mutex.
func sleepers() int {
	var lock sync.Mutex
	var all sync.WaitGroup
	sum := 0
	for i := 0; i < many; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			time.Sleep(time.Duration(i%20) * time.Millisecond)
			lock.Lock()
			sum += i
			lock.Unlock()
		}()
	}
	all.Wait()
	return sum
}

// Goroutines wait in reads of pipes, which epoll watches.
func pipes() int {
	const pairs = 50
	results := make(chan int)
	for i := 0; i < pairs; i++ {
		reader, writer, err := os.Pipe()
		if err != nil {
			fmt.Println("pipe:", err)
			return -1
		}
		go func() {
			defer reader.Close()
			lines := 0
			for text := bufio.NewScanner(reader); text.Scan(); lines++ {
			}
			results <- lines
		}()
		go func() {
			defer writer.Close()
			for j := 0; j < 20; j++ {
				fmt.Fprintln(writer, "line", j)
				if j%7 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		}()
	}
	sum := 0
	for i := 0; i < pairs; i++ {
		sum += <-results
	}
	return sum
}

func files() (sum int) {
	folder, err := os.MkdirTemp("/tmp", "go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	var all sync.WaitGroup
	var bytes atomic.Int64
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			name := fmt.Sprintf("%s/%d", folder, i)
			if err := os.WriteFile(name, []byte(strings.Repeat("x", i)), 0o600); err != nil {
				fmt.Println(err)
			}
			text, err := os.ReadFile(name)
			if err != nil {
				fmt.Println(err)
			}
			bytes.Add(int64(len(text)))
		}()
	}
	all.Wait()
	names, _ := os.ReadDir(folder)
	return int(bytes.Load()) + len(names)
}

func recovered() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var nothing *[4]int
	fmt.Println(nothing[1])
	return
}

func panics() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	panic("on purpose")
}

func other() string {
	command := exec.Command("/proc/self/exe", "child")
	command.Stdin = strings.NewReader("a text through a pipe\n")
	out, err := command.CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}

func status() string {
	err := exec.Command("/proc/self/exe", "fail").Run()
	return fmt.Sprint(err)
}

func signals() string {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	select {
	case s := <-got:
		return s.String()
	case <-time.After(5 * time.Second):
		return "none"
	}
}

func timers() string {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; i < 5; i++ {
		<-ticker.C
	}
	select {
	case <-make(chan int):
		return "a value"
	case <-time.After(10 * time.Millisecond):
		return "a timeout"
	}
}

// Two goroutines that never call the runtime are preempted by signals.
func preempted() string {
	runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(runtime.NumCPU())
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
		}
	}()
	time.Sleep(20 * time.Millisecond)
	stop.Store(true)
	return "it runs"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Print("the child has read: ", line)
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		os.Exit(3)
	}
	fmt.Println("ring:", ring())
	fmt.Println("sleepers:", sleepers())
	fmt.Println("pipes:", pipes())
	fmt.Println("files:", files())
	fmt.Println("recovered:", recovered())
	fmt.Println("panics:", panics())
	fmt.Println("other program:", other())
	fmt.Println("its status:", status())
	fmt.Println("signal:", signals())
	fmt.Println("timers:", timers())
	fmt.Println("preempted:", preempted())
	runtime.GC()
	fmt.Println("done")
}
