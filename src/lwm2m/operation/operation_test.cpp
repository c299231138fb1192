// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/operation/operation.hpp"

#include <gtest/gtest.h>

namespace drover::lwm2m {
namespace {

TEST(Downlink, EveryOperationHasItsNameAndPath) {
  const Path path(3, 0, 9);
  const std::pair<Downlink, const char*> operations[] = {
      {Read{path, {}}, "Read"},
      {Discover{path}, "Discover"},
      {Write{path, Write::Mode::Replace, {}, {}}, "Write"},
      {WriteAttributes{path, {}}, "Write-Attributes"},
      {Execute{path, {}}, "Execute"},
      {Create{path, {}, {}}, "Create"},
      {Delete{path}, "Delete"},
      {Observe{path, {}}, "Observe"},
      {CancelObservation{path, {}}, "Cancel Observation"},
  };
  for (const auto& [operation, name] : operations) {
    EXPECT_STREQ(name_of(operation), name);
    EXPECT_EQ(path_of(operation), path) << name;
  }
}

TEST(Status, OnlyTheClassTwoCodesAreSuccess) {
  for (const Status status : {Status::Created, Status::Deleted, Status::Changed, Status::Content, Status::Valid}) {
    EXPECT_TRUE(is_success(status)) << to_string(status);
  }
  for (int status = static_cast<int>(Status::BadRequest); status <= static_cast<int>(Status::Other); ++status) {
    EXPECT_FALSE(is_success(static_cast<Status>(status))) << to_string(static_cast<Status>(status));
  }
}

TEST(Status, HasTheReasonPhraseOfItsCode) {
  EXPECT_STREQ(to_string(Status::Changed), "Changed");
  EXPECT_STREQ(to_string(Status::UnsupportedFormat), "Unsupported Content-Format");
  EXPECT_STREQ(to_string(Status::Other), "Other");
}

}  // namespace
}  // namespace drover::lwm2m
