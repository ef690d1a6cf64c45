#include "webserver/heap_relief.h"

#include <malloc.h>

namespace berth::webserver {

void HeapRelief::give_back() { ::malloc_trim(0); }

void HeapRelief::look(std::uint64_t before) {
  if (count_ - before >= kBurst) return wait();  // it goes on
  count_ = 0;
  relieve_();
}

}  // namespace berth::webserver
