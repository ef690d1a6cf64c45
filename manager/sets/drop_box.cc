#include "manager/sets/drop_box.h"

#include "base/text.h"
#include "manager/platform/clock.h"
#include "wire/sealed/sealed_file.h"

namespace berth::manager {
namespace {

class SealingSink : public BackupSink {
 public:
  SealingSink(BackupSink& sink, const std::string& public_key) : sink_(sink), sealer_(public_key) {}
  Task<void> write(std::string bytes) override {
    auto sealed = sealer_.add(bytes);
    if (!sealed.empty()) co_await sink_.write(std::move(sealed));
  }
  Task<void> finish() { return sink_.write(sealer_.finish()); }

 private:
  BackupSink& sink_;
  sealed::Sealer sealer_;
};

[[noreturn]] void refuse(std::string_view what) {
  throw_failure(Errc::kUnsupported,
                "a drop box gives nothing back to the platform: {} at its server; what was fetched there is "
                "opened with the key "
                "that was told when the target was added (berth backup open)",
                what);
}

}  // namespace

Task<void> DropBox::prepare(bool) { co_return; }

Task<StoredObject> DropBox::store(std::string set, std::string name, ObjectWriter write) {
  UploadPlace place = place_;
  const std::string id = percent_encode(set) + "/" + percent_encode(name) + ".sealed";
  place.url += "/" + id;
  Uploader::Write sealing = [&](BackupSink& sink) -> Task<void> {
    SealingSink sealed(sink, public_key_);
    co_await write(sealed);
    co_await sealed.finish();
  };
  auto putting = uploader_.put(std::move(place), sealing);
  co_await putting;
  co_return StoredObject{id, std::move(set), std::move(name), utc_now()};
}

Task<std::vector<StoredObject>> DropBox::list(std::string, std::string) {
  refuse("look");
  co_return std::vector<StoredObject>();
}
Task<void> DropBox::fetch(StoredObject, BackupSink&) {
  refuse("fetch it");
  co_return;
}
Task<void> DropBox::fetch_to_file(StoredObject, std::string) {
  refuse("fetch it");
  co_return;
}
Task<void> DropBox::remove(std::vector<std::string>) {
  refuse("remove it");
  co_return;
}

Task<void> DropBox::test(bool) {
  ObjectWriter write = [](BackupSink& sink) -> Task<void> { co_await sink.write("Berth can write here.\n"); };
  auto storing = store("test", utc_now(), std::move(write));
  co_await storing;
}

}  // namespace berth::manager
