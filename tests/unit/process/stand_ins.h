// Stand-ins for processes and threads that have only a number, for tests of the table of numbers.
#pragma once

namespace kernel {

class Numbered {
 public:
  explicit Numbered(int id) : id_{id} {}
  int id() const { return id_; }

 private:
  int id_;
};

class Process : public Numbered {
 public:
  using Numbered::Numbered;
};

class Thread : public Numbered {
 public:
  using Numbered::Numbered;
};

}  // namespace kernel
