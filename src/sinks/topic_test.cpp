// SPDX-License-Identifier: Apache-2.0
#include "sinks/topic.hpp"

#include <gtest/gtest.h>

#include "sinks/signature.hpp"

namespace drover::sinks {
namespace {

events::Item item(std::string endpoint, std::string kind = "updated") {
  return {1, 2, std::move(kind), std::move(endpoint), [](std::uint64_t) { return std::string(); }};
}

TEST(Topic, NamesOfEndpointsStayOneLevel) {
  EXPECT_EQ(topic_of("drover/{endpoint}/{kind}", item("urn:dev:os:1-a_b.c~")), "drover/urn:dev:os:1-a_b.c~/updated");
  EXPECT_EQ(topic_of("d/{endpoint}", item("a/b+c#d%e f$g")), "d/a%2Fb%2Bc%23d%25e%20f%24g");
  EXPECT_EQ(topic_of("d/{endpoint}", item(std::string("a\0b\n\x7F", 5))), "d/a%00b%0A%7F");
  EXPECT_EQ(topic_of("d/{endpoint}", item("k\xC3\xA4se\xFF")), "d/k%C3%A4se%FF");
  EXPECT_EQ(topic_of("{endpoint}/{endpoint}-{kind}", item("$SYS")), "%24SYS/%24SYS-updated");
  EXPECT_EQ(topic_of("all", item("x")), "all");
}

TEST(Topic, NoNameStandsForAnother) {
  EXPECT_EQ(topic_level(""), "%");
  EXPECT_EQ(topic_level("%"), "%25");
  EXPECT_EQ(topic_level("%2F"), "%252F");
}

TEST(Topic, TemplatesAreChecked) {
  for (const char* fine : {"drover/{endpoint}/{kind}", "x", "a b/{kind}"}) EXPECT_TRUE(check_topic_template(fine)) << fine;
  for (const char* wrong : {"", "a/+/b", "a/#", "$SYS/{kind}", "a/{name}", "a/{", "a/}", "{}", "a\n", "\xC3\xA4"}) {
    EXPECT_FALSE(check_topic_template(wrong)) << wrong;
  }
  EXPECT_FALSE(check_topic_template(std::string(kTopicTemplateMax + 1, 'a')));
  EXPECT_EQ(check_topic_template("a/{name}").error().reason, "knows {endpoint} and {kind}, not {name}");
}

TEST(Signature, IsTheOneThatOthersCompute) {
  // python3 -c 'import hmac; print(hmac.new(b"whsec_test", b"1700000000.{\"events\":[]}", "sha256").hexdigest())'
  EXPECT_EQ(signature_of("whsec_test", 1'700'000'000, R"({"events":[]})"), "t=1700000000,v1=4f6f9b7a41398ad124e52a1320534f978e522923f3f2b2724e31d7a9dbf78a7f");
}

}  // namespace
}  // namespace drover::sinks
