// SPDX-License-Identifier: Apache-2.0
#include "server/registry.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace drover::server {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

Instant at(Duration since_start) {
  return Instant{} + since_start;
}

NewRegistration node(std::string_view endpoint, std::uint32_t lifetime = 300, std::uint16_t port = 5683) {
  NewRegistration registration;
  registration.endpoint = endpoint;
  registration.version = "1.0";
  registration.binding = "U";
  registration.lifetime = lifetime;
  registration.address = transport::PeerAddress::v4(0x7F000001, port);
  return registration;
}

lwm2m::Announcement example() {
  lwm2m::Announcement announcement;
  announcement.root = "/lwm2m";
  announcement.formats = {11543, 110};
  announcement.objects = {
      {1, lwm2m::Version{1, 1}, {0, 1}}, {3, {}, {0}}, {5, {}, {}}, {33000, lwm2m::Version{1, 0}, {65534}}};
  return announcement;
}

class RegistryTest : public testing::Test {
 protected:
  SplitMix rng_{7};
  Registry registry_{3, 1000, rng_};
};

TEST_F(RegistryTest, KeepsWhatWasRegistered) {
  auto registration = node("urn:dev:os:0023C7-000001", 86400, 61616);
  registration.sms = "447700900123";
  registration.queue = true;
  const Slot slot = *registry_.add(at(seconds(5)), registration, example());
  const Registration& kept = registry_[slot];
  EXPECT_EQ(kept.endpoint(), "urn:dev:os:0023C7-000001");
  EXPECT_EQ(kept.version(), "1.0");
  EXPECT_EQ(kept.binding(), "U");
  EXPECT_EQ(kept.sms(), "447700900123");
  EXPECT_TRUE(kept.queue());
  EXPECT_EQ(kept.address(), registration.address);
  EXPECT_EQ(kept.registered_at(), at(seconds(5)));
  EXPECT_EQ(kept.expires_at(), at(seconds(86405)));
  EXPECT_EQ(registry_.announcement(slot), example());
  EXPECT_EQ(registry_.root(slot), "/lwm2m");
  EXPECT_EQ(registry_.find("urn:dev:os:0023C7-000001"), slot);
  EXPECT_EQ(registry_.find(registry_.location(slot)), slot);
  EXPECT_FALSE(registry_.find("urn:dev:os:0023C7-00000"));
}

TEST_F(RegistryTest, UpdateChangesOnlyWhatIsGiven) {
  const Slot slot = *registry_.add(at(seconds(0)), node("a"), example());
  registry_.update(at(seconds(100)), slot, {});
  EXPECT_EQ(registry_[slot].expires_at(), at(seconds(400)));
  EXPECT_EQ(registry_[slot].registered_at(), at(seconds(0)));
  EXPECT_EQ(registry_[slot].updated_at(), at(seconds(100)));
  EXPECT_EQ(registry_.announcement(slot), example());

  RegistrationChange change;
  change.binding = "UQS";
  registry_.update(at(seconds(101)), slot, change);
  EXPECT_EQ(registry_[slot].binding(), "UQS");
  EXPECT_EQ(registry_[slot].endpoint(), "a");
  EXPECT_EQ(registry_[slot].sms(), "");

  change = {};
  change.sms = "4477";
  change.queue = true;
  change.lifetime = 6000;
  registry_.update(at(seconds(102)), slot, change);
  EXPECT_EQ(registry_[slot].sms(), "4477");
  EXPECT_EQ(registry_[slot].binding(), "UQS");
  EXPECT_TRUE(registry_[slot].queue());
  EXPECT_EQ(registry_[slot].expires_at(), at(seconds(6102)));

  lwm2m::Announcement other = example();
  other.root.clear();
  change = {};
  change.announcement = &other;
  registry_.update(at(seconds(103)), slot, change);
  EXPECT_EQ(registry_.announcement(slot), other);
  EXPECT_EQ(registry_.different_announcements(), 1U);
}

TEST_F(RegistryTest, ALocationNamesOneRegistrationOnly) {
  const Slot slot = *registry_.add(at(seconds(0)), node("a"), {});
  const Location location = registry_.location(slot);
  Location other = location;
  other.shard = 2;
  EXPECT_FALSE(registry_.find(other));
  other = location;
  ++other.nonce;
  EXPECT_FALSE(registry_.find(other));
  other = location;
  other.slot = 5000;
  EXPECT_FALSE(registry_.find(other));
  registry_.remove(slot);
  EXPECT_FALSE(registry_.find(location));
  EXPECT_EQ(*registry_.add(at(seconds(1)), node("b"), {}), slot) << "the slot is used again";
  EXPECT_FALSE(registry_.find(location));
}

TEST_F(RegistryTest, ExpiresExactlyAtTheEndOfTheLifetime) {
  const Slot slot = *registry_.add(at(microseconds(500)), node("a", 1), {});
  EXPECT_FALSE(registry_.next_expired(at(microseconds(1'000'499))));
  EXPECT_EQ(registry_.next_expired(at(microseconds(1'000'500))), slot);
  registry_.remove(slot);
  EXPECT_FALSE(registry_.next_expired(at(seconds(10))));
  EXPECT_FALSE(registry_.next_deadline());
}

TEST_F(RegistryTest, UpdatesMoveTheExpiryBothWays) {
  const Slot slot = *registry_.add(at(seconds(0)), node("a", 100), {});
  registry_.update(at(seconds(50)), slot, {});
  EXPECT_FALSE(registry_.next_expired(at(seconds(149))));
  EXPECT_EQ(registry_.next_deadline(), at(seconds(150)));
  RegistrationChange shorter;
  shorter.lifetime = 10;
  registry_.update(at(seconds(60)), slot, shorter);
  EXPECT_EQ(registry_.next_deadline(), at(seconds(70)));
  EXPECT_FALSE(registry_.next_expired(at(seconds(69))));
  EXPECT_EQ(registry_.next_expired(at(seconds(70))), slot);
}

TEST_F(RegistryTest, TheLongestLifetimeIsKept) {
  const Slot slot = *registry_.add(at(seconds(1)), node("a", 0xFFFFFFFF), {});
  EXPECT_FALSE(registry_.next_expired(at(seconds(4294967295))));
  EXPECT_EQ(registry_.next_expired(at(seconds(4294967296))), slot);
}

TEST_F(RegistryTest, IsBounded) {
  Registry small{0, 2, rng_};
  const auto first = small.add(at(seconds(0)), node("a"), {});
  EXPECT_TRUE(small.add(at(seconds(0)), node("b"), {}));
  EXPECT_FALSE(small.add(at(seconds(0)), node("c"), {}));
  small.remove(*first);
  EXPECT_TRUE(small.add(at(seconds(0)), node("c"), {}));
}

TEST_F(RegistryTest, EqualAnnouncementsAreKeptOnce) {
  std::vector<Slot> slots;
  for (int i = 0; i < 100; ++i)
    slots.push_back(*registry_.add(at(seconds(0)), node("n" + std::to_string(i)), example()));
  EXPECT_EQ(registry_.different_announcements(), 1U);
  lwm2m::Announcement other = example();
  other.objects[0].instances = {0};
  const Slot last = *registry_.add(at(seconds(0)), node("other"), other);
  EXPECT_EQ(registry_.different_announcements(), 2U);
  for (const Slot slot : slots) registry_.remove(slot);
  EXPECT_EQ(registry_.different_announcements(), 1U);
  EXPECT_EQ(registry_.announcement(last), other);
}

TEST_F(RegistryTest, PagesAreSortedAndSearched) {
  for (const char* name : {"delta", "alpha", "Charlie", "bravo", "alpine"})
    registry_.add(at(seconds(0)), node(name), {});
  const auto names = [this](const Registry::Page& page) {
    std::string text;
    for (const Slot slot : page.slots) text += std::string(registry_[slot].endpoint()) + " ";
    return text;
  };
  auto page = registry_.page("", "", 3);
  EXPECT_EQ(names(page), "Charlie alpha alpine ");
  EXPECT_EQ(page.total, 5U);
  EXPECT_TRUE(page.more);
  page = registry_.page("", "alpine", 3);
  EXPECT_EQ(names(page), "bravo delta ");
  EXPECT_EQ(page.total, 5U);
  EXPECT_FALSE(page.more);
  page = registry_.page("AL", "", 2);
  EXPECT_EQ(names(page), "alpha alpine ");
  EXPECT_EQ(page.total, 2U);
  EXPECT_FALSE(page.more);
  EXPECT_EQ(registry_.page("zulu", "", 10).total, 0U);
}

TEST_F(RegistryTest, AgreesWithAModelOverManySteps) {
  std::map<std::string, std::pair<Slot, Instant>> model;
  Instant now = at(seconds(0));
  SplitMix choice{11};
  for (int step = 0; step < 20000; ++step) {
    now += microseconds(choice.below(2'000'000));
    while (const auto expired = registry_.next_expired(now)) {
      const auto found = model.find(std::string(registry_[*expired].endpoint()));
      ASSERT_NE(found, model.end());
      ASSERT_LE(found->second.second, now);
      model.erase(found);
      registry_.remove(*expired);
    }
    const std::string name = "n" + std::to_string(choice.below(400));
    const auto lifetime = static_cast<std::uint32_t>(1 + choice.below(600));
    const auto found = model.find(name);
    ASSERT_EQ(registry_.find(name).has_value(), found != model.end());
    if (found == model.end()) {
      model[name] = {*registry_.add(now, node(name, lifetime), example()), now + seconds(lifetime)};
    } else if (choice.below(4) == 0) {
      registry_.remove(found->second.first);
      model.erase(found);
    } else {
      RegistrationChange change;
      change.lifetime = lifetime;
      registry_.update(now, found->second.first, change);
      found->second.second = now + seconds(lifetime);
    }
    ASSERT_EQ(registry_.size(), model.size());
  }
  for (const auto& [name, expected] : model) {
    ASSERT_EQ(registry_.find(name), expected.first);
    ASSERT_EQ(registry_[expected.first].expires_at(), expected.second);
    ASSERT_GT(expected.second, now);
  }
}

TEST(Announcements, PackingKeepsEverything) {
  for (const lwm2m::Announcement& announcement : {lwm2m::Announcement{}, example()}) {
    EXPECT_EQ(unpack(pack(announcement)), announcement);
    EXPECT_EQ(unpack_root(pack(announcement)), announcement.root);
  }
}

TEST(KeyedHashTest, DependsOnKeyAndEveryByte) {
  const KeyedHash hash(1, 2);
  EXPECT_EQ(hash("node1"), hash("node1"));
  EXPECT_NE(hash("node1"), hash("node2"));
  EXPECT_NE(hash("node1"), KeyedHash(1, 3)("node1"));
  EXPECT_NE(hash(""), hash(std::string_view("\0", 1)));
}

TEST(LocationTest, IsElevenCharactersThatNeedNoEscaping) {
  const Location location{255, 0xABCDEF, 0x12345678};
  const std::string text = location.to_string();
  EXPECT_EQ(text.size(), 11U);
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_EQ(Location::parse(text), location);
  EXPECT_EQ(Location::parse(Location{}.to_string()), Location{});
}

TEST(LocationTest, RefusesEverythingElse) {
  const std::string text = Location{1, 2, 3}.to_string();
  EXPECT_FALSE(Location::parse(""));
  EXPECT_FALSE(Location::parse(text.substr(1)));
  EXPECT_FALSE(Location::parse(text + "A"));
  EXPECT_FALSE(Location::parse("Q" + text.substr(1))) << "bit 64 is set";
  EXPECT_FALSE(Location::parse(text.substr(0, 10) + "="));
  EXPECT_FALSE(Location::parse("5a3f"));
}

}  // namespace
}  // namespace drover::server
