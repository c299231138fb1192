// SPDX-License-Identifier: Apache-2.0
// client::ObjectTree against the model: the same answers, the same tree afterwards, and a report of each change.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "client/objects/access_control_object.hpp"
#include "tests/property/access_object.hpp"
#include "tests/property/scenario.hpp"
#include "tests/property/tapes.hpp"

namespace drover::property {
namespace {

/// Objects 0 to 3, as small as an account, a guard and a device can be.
struct Device {
  client::ObjectTree tree;
  client::AccessControlObject access{tree};

  explicit Device(Scenario& scenario) {
    for (const auto& definition : small_objects()) tree.define(definition);
    tree.define(access_object(), &access);
    EXPECT_TRUE(tree.add({}, 0, 0));
    EXPECT_TRUE(tree.add({}, 3, 0));
    lwm2m::InstanceId instance = 0;
    for (const ServerId server : scenario.servers()) {
      EXPECT_TRUE(tree.add({}, 1, instance));
      EXPECT_TRUE(tree.set({}, Path(1, instance, 0), std::int64_t{server}));
      ++instance;
    }
    scenario.populate(tree);
  }
};

/// What changed between two sets of lines, as paths of instances and resources.
std::set<Path> changed(const std::set<std::string>& before, const std::set<std::string>& after) {
  std::set<Path> paths;
  const auto note = [&](const std::set<std::string>& one, const std::set<std::string>& other) {
    for (const std::string& line : one) {
      if (other.contains(line)) continue;
      const Path path = Path::parse(line.substr(0, line.find(' '))).value();
      paths.insert(path.prefix(std::min(path.depth(), 3)));
    }
  };
  note(before, after);
  note(after, before);
  return paths;
}

void check_changes(client::ObjectTree& tree, const std::set<Path>& expected, const std::string& what) {
  std::set<Path> reported;
  std::set<Path> whole;
  while (const auto change = tree.poll_change()) {
    reported.insert(change->path);
    if (change->kind != client::Change::Kind::Value) whole.insert(change->path);
  }
  for (const Path& path : expected) {
    if (!reported.contains(path) && !whole.contains(path.prefix(2))) {
      RC_FAIL(what + ": the change of " + path.to_string() + " isn't reported");
    }
  }
  for (const Path& path : reported) {
    if (!expected.contains(path) && !whole.contains(path.prefix(2))) {
      RC_FAIL(what + ": reports " + path.to_string() + ", which didn't change");
    }
  }
}

void take(Device& device, Model& model, const Step& step) {
  const std::string what = describe(step);
  if (const auto* own = std::get_if<OwnAdd>(&step)) {
    (void)device.tree.add({}, own->instance.object(), own->instance.instance());
    model.add(own->instance);
  } else if (const auto* gone = std::get_if<OwnRemove>(&step)) {
    (void)device.tree.remove({}, gone->instance.object(), gone->instance.instance());
    model.remove(gone->instance);
  } else if (const auto* set = std::get_if<OwnSet>(&step)) {
    (void)device.tree.set({}, set->resource_instance, set->value);
    model.set(set->resource_instance, set->value);
  } else {
    const auto& asks = std::get<ServerAsks>(step);
    const Expected expected = model.perform(asks.server, asks.operation);
    const lwm2m::Outcome outcome = device.tree.perform({{}, asks.server}, asks.operation);
    if (const auto wrong = difference(expected, outcome)) RC_FAIL(what + ": " + *wrong);
  }
}

void hold(const Tape& setup, const std::vector<Tape>& tapes) {
  Scenario scenario{Choices(setup)};
  Device device(scenario);
  Model model(device.tree);
  while (device.tree.poll_change()) {
  }
  RC_ASSERT(model.lines() == lines_of(device.tree));
  const std::vector<lwm2m::ObjectId> objects = {20, 20, 20, 21, 21, 21, 22, 22, 22, 2, 2, 2, 1, 3, 0, 99};
  for (const Tape& tape : tapes) {
    const Step step = next_step(Choices(tape), scenario.servers(), objects, model);
    RC_LOG() << describe(step) << '\n';
    const auto before = model.lines();
    take(device, model, step);
    const auto after = model.lines();
    if (const auto wrong = difference(after, lines_of(device.tree))) RC_FAIL(describe(step) + ": " + *wrong);
    check_changes(device.tree, changed(before, after), describe(step));
  }
}

TEST(ObjectTreeProperty, AnswersAndChangesAsTheModelOfTheEnablerDoes) {
  EXPECT_TRUE(check_tapes("tree and model agree", hold));
}

}  // namespace
}  // namespace drover::property
