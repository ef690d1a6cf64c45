// Whole pages for tables that are replaced as they grow.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "base/result.h"

namespace berth::webserver {

// An allocator for std::vector. What is given back goes to the kernel at once; malloc would keep the hole that each
// outgrown table leaves. Out of memory ends the process.
template <class T>
struct PageAllocator {
  using value_type = T;
  PageAllocator() = default;
  template <class Other>
  explicit PageAllocator(const PageAllocator<Other>&) {}

  T* allocate(std::size_t count) {
    void* pages =
        ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BERTH_CHECK(pages != MAP_FAILED);
    return static_cast<T*>(pages);
  }
  void deallocate(T* pages, std::size_t count) { ::munmap(pages, count * sizeof(T)); }
  bool operator==(const PageAllocator&) const = default;
};

}  // namespace berth::webserver
