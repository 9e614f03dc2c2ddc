// printf, scanf, buffers, streams in memory, standard input by lines and by blocks.
#include <ctype.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

static int format(char* buffer, size_t size, const char* text, ...) {
  va_list arguments;
  va_start(arguments, text);
  const int length = vsnprintf(buffer, size, text, arguments);
  va_end(arguments);
  return length;
}

int main(void) {
  printf("[%5d] [%-5d] [%05d] [%+d] [%x] [%#X] [%o]\n", 42, 42, 42, 42, 48879, 48879, 8);
  printf("[%8.3f] [%e] [%g] [%a]\n", 3.14159265, 12345.678, 1e-5, 0.5);
  printf("[%s] [%10s] [%-10s] [%.2s] [%c] [%%]\n", "text", "right", "left", "cut", 'c');
  printf("[%lld] [%zu] [%hhd] [%p]\n", -1LL << 40, sizeof(int), (char)-3, (void*)0x1234);
  printf("%ls\n", L"wide");

  char buffer[8];
  printf("snprintf wanted %d, wrote \"%s\"\n",
         format(buffer, sizeof buffer, "%s-%d", "long", 12345), buffer);

  int number;
  double real;
  char word[16];
  const int read_items = sscanf("  17 2.5 hello", "%d %lf %15s", &number, &real, word);
  printf("sscanf: %d items: %d %.1f %s\n", read_items, number, real, word);

  char* memory;
  size_t size;
  FILE* stream = open_memstream(&memory, &size);
  for (int i = 0; i < 1000; ++i) fprintf(stream, "%d,", i);
  fclose(stream);
  printf("a stream in memory has %zu bytes and ends in %s\n", size, memory + size - 4);

  stream = fmemopen(memory, size, "r");
  fseek(stream, 10, SEEK_SET);
  fgets(word, 6, stream);
  printf("from the tenth byte: %s, now at %ld\n", word, ftell(stream));
  fclose(stream);
  free(memory);

  fflush(stdout);
  const struct iovec parts[] = {{"three ", 6}, {"parts ", 6}, {"in one write\n", 13}};
  if (writev(1, parts, 3) != 25) return 1;

  char line[128];
  int lines = 0;
  while (fgets(line, sizeof line, stdin)) {
    for (char* c = line; *c; ++c) *c = (char)toupper((unsigned char)*c);
    printf("line %d: %s", ++lines, line);
  }
  printf("%d lines, end of file: %s\n", lines, feof(stdin) ? "yes" : "no");

  printf("locale %s\n", setlocale(LC_ALL, "C"));
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (int i = 0; i < 2000; ++i) printf("%d%c", i, i % 20 == 19 ? '\n' : ' ');
  return ferror(stdout) ? 1 : 0;
}
