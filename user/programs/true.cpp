// true: exits with 0.
int main() {
  return 0;
}
