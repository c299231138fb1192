// SPDX-License-Identifier: Apache-2.0
#include "sms/smpp/pdu_stream.hpp"

namespace drover::sms::smpp {

void PduStream::append(ByteView bytes) {
  if (broken_) return;
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<Bytes> PduStream::poll() {
  const ByteView rest = ByteView(bytes_).subspan(read_);
  const auto header = broken_ ? std::nullopt : decode_header(rest);
  if (!header) return std::nullopt;
  if (header->length < kHeaderSize || header->length > kPduMax) {
    clear();
    broken_ = true;
    return std::nullopt;
  }
  if (rest.size() < header->length) return std::nullopt;
  read_ += header->length;
  const ByteView whole = rest.first(header->length);
  return Bytes(whole.begin(), whole.end());
}

void PduStream::clear() {
  bytes_.clear();
  read_ = 0;
  broken_ = false;
}

}  // namespace drover::sms::smpp
