// false: exits with 1.
int main() {
  return 1;
}
