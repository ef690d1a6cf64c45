// Room for many small objects of one kind that come and go in any order.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

#include "base/result.h"

namespace berth::webserver {

// Pages of 4 KiB, full of objects but for a head of 32 bytes. What is allocated and freed elsewhere meanwhile leaves no holes between
// them, as it does in malloc's heap, and a page without objects goes back to the system. Outlives its objects. One thread.
template <class T>
class Slab {
  static constexpr std::size_t kPage = 4096;
  struct Slot;

 public:
  struct Return {
    void operator()(T* object) const { page_of(object)->slab->take_back(object); }
  };
  using Pointer = std::unique_ptr<T, Return>;

  Slab() = default;
  ~Slab() {
    for (void* arena : arenas_) {
      ASAN_UNPOISON_MEMORY_REGION(arena, kArena);
      ::munmap(arena, kArena);
    }
  }
  Slab(const Slab&) = delete;

  // Out of memory ends the process.
  template <class... Arguments>
  Pointer make(Arguments&&... arguments) {
    if (!with_room_) add_page();
    Page* page = with_room_;
    Slot* slot = page->free;
    if (slot) {
      ASAN_UNPOISON_MEMORY_REGION(slot, sizeof(T));
      page->free = slot->next;
    } else {
      slot = page->slots() + page->untouched++;
      ASAN_UNPOISON_MEMORY_REGION(slot, sizeof(T));
    }
    T* object = nullptr;
    try {
      object = new (slot) T(std::forward<Arguments>(arguments)...);
    } catch (...) {
      page->put_back(slot);
      throw;
    }
    if (++page->used == Page::kSlots) unlink(page);
    return Pointer(object);
  }

  // Of 4 KiB, that hold objects or are kept for the next.
  std::size_t pages() const { return pages_; }

 private:
  static constexpr std::size_t kArena = 256 * kPage;  // one mapping for many: the kernel counts them

  struct Slot {
    union {
      Slot* next;
      alignas(T) std::byte object[sizeof(T)];
    };
  };
  struct Page {
    Slab* slab;
    Page *next, *previous;  // with room
    Slot* free;
    std::uint16_t used, untouched;

    static constexpr std::size_t kHead = 40;
    static constexpr std::size_t kSlots = (kPage - kHead) / sizeof(Slot);
    Slot* slots() { return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(this) + kHead); }
    void put_back(Slot* slot) {
      slot->next = free;
      free = slot;
      ASAN_POISON_MEMORY_REGION(slot, sizeof(T));
    }
  };
  static_assert(sizeof(Page) <= Page::kHead && Page::kHead % alignof(Slot) == 0 && Page::kSlots > 1);

  static Page* page_of(T* object) {
    return reinterpret_cast<Page*>(reinterpret_cast<std::uintptr_t>(object) & ~(kPage - 1));
  }

  void add_page() {
    if (empty_.empty()) {
      void* arena = ::mmap(nullptr, kArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      BERTH_CHECK(arena != MAP_FAILED);
      arenas_.push_back(arena);
      for (std::size_t at = kArena; at > 0; at -= kPage)
        empty_.push_back(static_cast<std::byte*>(arena) + at - kPage);
    }
    auto* page = new (empty_.back()) Page{this, nullptr, nullptr, nullptr, 0, 0};
    empty_.pop_back();
    ASAN_POISON_MEMORY_REGION(page->slots(), Page::kSlots * sizeof(Slot));
    ++pages_;
    link(page);
  }

  void take_back(T* object) {
    Page* page = page_of(object);
    object->~T();
    if (page->used == Page::kSlots) link(page);
    page->put_back(reinterpret_cast<Slot*>(object));
    // The last with room stays: one object that comes and goes is no work for the kernel.
    if (--page->used > 0 || (page == with_room_ && !page->next)) return;
    unlink(page);
    --pages_;
    empty_.push_back(page);
    ASAN_UNPOISON_MEMORY_REGION(page, kPage);
    ::madvise(page, kPage, MADV_DONTNEED);
  }

  void link(Page* page) {
    page->previous = nullptr;
    page->next = with_room_;
    if (with_room_) with_room_->previous = page;
    with_room_ = page;
  }
  void unlink(Page* page) {
    (page->previous ? page->previous->next : with_room_) = page->next;
    if (page->next) page->next->previous = page->previous;
    page->next = page->previous = nullptr;
  }

  std::vector<void*> arenas_, empty_;
  Page* with_room_ = nullptr;
  std::size_t pages_ = 0;
};

}  // namespace berth::webserver
