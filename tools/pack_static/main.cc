// pack_static DIR OUT [DEPFILE]: packs the files below DIR into the static pack OUT
// (docs/protocols/static-pack.md) and tells the build system in DEPFILE what it looked at.
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "wire/static_pack/writer.h"

namespace {

// Folders stand in it too, so that a new or a removed file packs again.
std::string make_depfile(const std::string& out, const std::string& folder) {
  const auto escape = [](const std::string& path) {
    std::string escaped;
    for (const char c : path) {
      if (c == ' ' || c == '#') escaped += '\\';
      if (c == '$') escaped += '$';
      escaped += c;
    }
    return escaped;
  };
  std::string text = escape(out) + ": " + escape(folder);
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder))
    text += " \\\n  " + escape(item.path().string());
  return text + "\n";
}

berth::Result<void> run(const std::string& folder, const std::string& out, const std::string& depfile) {
  BERTH_TRY(const auto pack, berth::static_pack::pack_folder(folder));
  BERTH_TRY_VOID(berth::write_file_durably(out, berth::as_text(pack)));
  if (!depfile.empty()) BERTH_TRY_VOID(berth::write_file_durably(depfile, make_depfile(out, folder)));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: pack_static DIR OUT [DEPFILE]\n");
    return 2;
  }
  const auto done = run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  if (!done) std::fprintf(stderr, "pack_static: %s\n", done.error().detail.c_str());
  return done ? 0 : 1;
}
