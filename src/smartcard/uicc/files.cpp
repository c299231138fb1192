// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/files.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace drover::smartcard::uicc {
namespace {

/// Octets that a file's size and READ BINARY's offset can say; longer ones are cut.
constexpr std::size_t kFileMax = 0x7FFF;
constexpr std::size_t kRecordMax = 0xFF;
constexpr std::size_t kNameMin = 5, kNameMax = 16;  ///< of an AID (§8.3): the registered provider, and what it adds

/// P1 of SELECT (§11.1.1.2).
enum : std::uint8_t {
  kByIdentifier = 0x00,
  kChildFolder = 0x01,
  kChildFile = 0x02,
  kParent = 0x03,
  kByAid = 0x04,
  kPathFromMaster = 0x08,
  kPathFromFolder = 0x09,
};
constexpr std::uint8_t kOccurrence = 0x03;  ///< of P2
constexpr std::uint8_t kNextOccurrence = 0x02;

// File control parameters (§11.1.1.4). What doesn't depend on the file is as cards in the field have it.
constexpr std::uint8_t kTransparent[] = {0x41, 0x21}, kLinearFixed[] = {0x42, 0x21}, kFolder[] = {0x78, 0x21};
constexpr std::uint8_t kActivated[] = {0x05};
constexpr std::uint8_t kFileAccess[] = {0x6F, 0x06, 0x02}, kFolderAccess[] = {0x2F, 0x06, 0x0C};
/// PIN status: of the keys 01 and 0A, none is enabled that is asked for here; and that the first is.
constexpr std::uint8_t kPinsUnused[] = {0x90, 0x01, 0x40, 0x83, 0x01, 0x01, 0x83, 0x01, 0x0A};
constexpr std::uint8_t kPinEnabled[] = {0x90, 0x01, 0x80, 0x83, 0x01};

void put(ByteWriter& writer, std::uint8_t tag, ByteView value) {
  writer.u8(tag);
  writer.u8(static_cast<std::uint8_t>(value.size()));
  writer.bytes(value);
}

void put(ByteWriter& writer, std::uint8_t tag, std::size_t value) {
  const std::uint8_t octets[] = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  put(writer, tag, ByteView(octets));
}

/// To the size that it has on the card, in whole records.
void fill(File& file) {
  file.record_size = std::min(file.record_size, kRecordMax);
  std::size_t size = std::min(std::max(file.size, file.content.size()), kFileMax);
  if (file.record_size > 0) {
    const std::size_t records = std::min((size + file.record_size - 1) / file.record_size, kRecordMax - 1);
    size = records * file.record_size;
  }
  file.content.resize(size, 0xFF);
}

std::uint16_t identifier(ByteView octets) { return static_cast<std::uint16_t>(octets[0] << 8 | octets[1]); }

}  // namespace

Files::Files(const CardImage& image) : has_pin_(!image.pin.empty()), pin_reference_(image.pin_reference) {
  folders_.push_back({kMasterFile, {}, {}, image.files});
  folders_.insert(folders_.end(), image.folders.begin(), image.folders.end());
  if (image.sms) {
    sms_application_ = folders_.size();
    folders_.push_back({0, image.sms->aid, {}, {}});
  }
  for (Folder& folder : folders_) {
    if (folder.aid.size() > kNameMax) folder.aid.resize(kNameMax);
    for (File& file : folder.files) fill(file);
  }
}

std::optional<std::size_t> Files::folder_named(std::uint16_t id) const {
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    if (id != 0 && folders_[i].id == id) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> Files::file_named(std::size_t folder, std::uint16_t id) const {
  const auto& files = folders_[folder].files;
  const auto found = std::ranges::find(files, id, &File::id);
  if (found == files.end()) return std::nullopt;
  return static_cast<std::size_t>(found - files.begin());
}

Selection Files::at_folder(const Selection& before, std::size_t folder) const {
  Selection selection{folder, {}, before.application};
  if (!folders_[folder].aid.empty()) selection.application = folder;
  return selection;
}

Status Files::select(Selection& selection, const Command& command) const {
  switch (command.p1) {
    case kByAid: return by_name(selection, command);
    case kPathFromMaster: return by_path(selection, 0, command.data);
    case kPathFromFolder: return by_path(selection, selection.folder, command.data);
    case kByIdentifier:
    case kChildFolder:
    case kChildFile: return by_identifier(selection, command);
    case kParent:
      if (!command.data.empty()) return status::kWrongLength;
      selection = at_folder(selection, 0);
      return status::kDone;
    default: return status::kWrongP1P2;
  }
}

/// §8.4.1: a child of the current folder, a folder beside it, the MF, or the current application.
Status Files::by_identifier(Selection& selection, const Command& command) const {
  if (command.data.empty() && command.p1 == kByIdentifier) {
    selection = at_folder(selection, 0);
    return status::kDone;
  }
  if (command.data.size() != 2) return status::kWrongLength;
  const std::uint16_t id = identifier(command.data);
  if (command.p1 != kChildFolder) {
    if (const auto file = file_named(selection.folder, id)) {
      selection.file = file;
      return status::kDone;
    }
  }
  if (command.p1 == kChildFile) return status::kFileNotFound;
  std::optional<std::size_t> folder = id == kCurrentApplication ? selection.application : folder_named(id);
  if (command.p1 == kChildFolder && selection.folder != 0) folder.reset();
  if (!folder) return status::kFileNotFound;
  selection = at_folder(selection, *folder);
  return status::kDone;
}

/// §8.4.2: from the MF, whose own identifier is no part of the path, or from the current folder. 7FFF begins at the
/// current application.
Status Files::by_path(Selection& selection, std::size_t from, ByteView path) const {
  if (path.empty() || path.size() % 2 != 0) return status::kWrongLength;
  Selection found = at_folder(selection, from);
  found.application = selection.application;
  for (std::size_t at = 0; at < path.size(); at += 2) {
    const std::uint16_t id = identifier(path.subspan(at, 2));
    if (found.file) return status::kFileNotFound;
    if (at == 0 && id == kCurrentApplication) {
      if (!found.application) return status::kFileNotFound;
      found.folder = *found.application;
    } else if (const auto file = file_named(found.folder, id)) {
      found.file = file;
    } else {
      const auto folder = found.folder == 0 ? folder_named(id) : std::nullopt;
      if (!folder || *folder == 0) return status::kFileNotFound;
      found = at_folder(found, *folder);
    }
  }
  selection = found;
  return status::kDone;
}

/// §8.4.4: an AID, or its beginning; P2 says whether the first one that fits or the next after the current one.
Status Files::by_name(Selection& selection, const Command& command) const {
  const Bytes& name = command.data;
  if (name.size() < kNameMin || name.size() > kNameMax) return status::kFileNotFound;
  const std::uint8_t occurrence = command.p2 & kOccurrence;
  if (occurrence != 0 && occurrence != kNextOccurrence) return status::kWrongP1P2;
  const bool is_next = occurrence == kNextOccurrence && selection.application;
  for (std::size_t i = is_next ? *selection.application + 1 : 0; i < folders_.size(); ++i) {
    const Bytes& aid = folders_[i].aid;
    if (aid.size() < name.size() || !std::equal(name.begin(), name.end(), aid.begin())) continue;
    selection = at_folder(selection, i);
    return status::kDone;
  }
  return status::kFileNotFound;
}

const File* Files::file(const Selection& selection) const {
  return selection.file ? &folders_[selection.folder].files[*selection.file] : nullptr;
}

ByteView Files::content(const Selection& selection) const {
  const File* selected = file(selection);
  return selected == nullptr ? ByteView() : ByteView(selected->content);
}

bool Files::is_sms_application(const Selection& selection) const {
  return sms_application_ && selection.folder == *sms_application_;
}

Bytes Files::control_parameters(const Selection& selection) const {
  ByteWriter fields;
  if (const File* file = this->file(selection)) {
    if (file->record_size > 0) {
      ByteWriter descriptor;
      descriptor.bytes(kLinearFixed);
      descriptor.u16(static_cast<std::uint16_t>(file->record_size));
      descriptor.u8(static_cast<std::uint8_t>(file->content.size() / file->record_size));
      put(fields, 0x82, descriptor.view());
    } else {
      put(fields, 0x82, ByteView(kTransparent));
    }
    put(fields, 0x83, std::size_t{file->id});
    put(fields, 0x8A, ByteView(kActivated));
    put(fields, 0x8B, ByteView(kFileAccess));
    put(fields, 0x80, file->content.size());
    put(fields, 0x88, ByteView());
  } else {
    const Folder& folder = folders_[selection.folder];
    put(fields, 0x82, ByteView(kFolder));
    folder.aid.empty() ? put(fields, 0x83, std::size_t{folder.id}) : put(fields, 0x84, ByteView(folder.aid));
    put(fields, 0x8A, ByteView(kActivated));
    put(fields, 0x8B, ByteView(kFolderAccess));
    Bytes pins(std::begin(kPinsUnused), std::end(kPinsUnused));
    if (has_pin_) {
      pins.assign(std::begin(kPinEnabled), std::end(kPinEnabled));
      pins.push_back(pin_reference_);
    }
    put(fields, 0xC6, ByteView(pins));
  }
  ByteWriter all;
  put(all, 0x62, fields.view());
  return all.take();
}

Selection Files::moved_to(const Files& others, const Selection& selection) const {
  const auto folder_there = [&](std::size_t folder) -> std::optional<std::size_t> {
    const Folder& here = folders_[folder];
    const auto found = std::ranges::find_if(others.folders_, [&here](const Folder& there) {
      return here.aid.empty() ? there.aid.empty() && there.id == here.id : there.aid == here.aid;
    });
    if (found == others.folders_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - others.folders_.begin());
  };
  Selection moved;
  if (selection.application) moved.application = folder_there(*selection.application);
  const auto folder = folder_there(selection.folder);
  if (!folder) return moved;
  moved.folder = *folder;
  if (const File* selected = file(selection)) moved.file = others.file_named(*folder, selected->id);
  return moved;
}

}  // namespace drover::smartcard::uicc
