// Runs upstream's tests, in silence but for what fails, and checks that all of them are there and ran.
//
// GoogleTest counts a test that skips itself as passed. A test may skip itself only if the CPU lacks the kernel's ISA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "compare/upstream_tests/cpu.h"
#include "compare/upstream_tests/exports/exports.h"

namespace {

struct Count {
  int passed = 0, failed = 0, skipped = 0;
};

// A test suite has the tests of a kernel or of an operator. Its name is F32_RMAX__AVX_U8 or xnn_f32_vmulc_ukernel__avx_u8, or
// SOFTMAX_NC_F32.
class Listener : public testing::EmptyTestEventListener {
 public:
  std::map<std::string, Count> by_group;  // a family, and an ISA if there is one
  Count all;
  int wrong = 0;
  bool verbose = true;

 private:
  void OnTestPartResult(const testing::TestPartResult& r) override {
    if (!r.failed()) return;
    if (verbose) std::printf("%s:%d: %s\n", r.file_name() ? r.file_name() : "", r.line_number(), r.message());
    throw testing::AssertionException(r);  // the first failure ends a test, of which a bad kernel has a thousand
  }

  void OnTestEnd(const testing::TestInfo& info) override {
    std::string suite = info.test_suite_name();
    std::transform(suite.begin(), suite.end(), suite.begin(), ::tolower);
    auto cut = suite.find("__");
    std::string family = suite.substr(0, cut), isa;
    if (family.rfind("xnn_", 0) == 0) {
      family = family.substr(strlen("xnn_"), family.find("_ukernel") - strlen("xnn_"));
    }
    int has = 1;
    if (cut != std::string::npos) {
      isa = suite.substr(cut + 2, suite.find('_', cut + 2) - cut - 2);
      has = cpu_has(isa.c_str());
    }
    const testing::TestResult& result = *info.result();
    if (result.Skipped() != (has == 0) || has < 0) {
      wrong++;
      std::printf("%s.%s: %s\n", info.test_suite_name(), info.name(),
                  has < 0 ? "unknown ISA" : has ? "skipped, although the CPU can run it" : "ran, although the CPU can't run it");
    }
    for (Count* count : {&all, &by_group[family + (isa.empty() ? "" : " " + isa)]}) {
      (result.Skipped() ? count->skipped : result.Failed() ? count->failed : count->passed)++;
    }
    if (verbose && result.Failed()) {
      std::printf("FAILED %s.%s\n", info.test_suite_name(), info.name());
    }
  }
};

}  // namespace

// --tests=N: how many tests there must be. --planted_error=E: a control run, with this relative error in all results, in
// which 95 of 100 tests must fail.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int tests = 0;
  float error = 0;
  for (int i = 1; i < argc; i++) {
    if (std::sscanf(argv[i], "--tests=%d", &tests) + std::sscanf(argv[i], "--planted_error=%g", &error) < 1 &&
        strcmp(argv[i], "-test.short")) {  // which .bazelrc passes to every test on an emulated CPU
      std::fprintf(stderr, "unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  auto* seen = new Listener;
  seen->verbose = error == 0;
  listeners.Append(seen);
  goPlant(error);
  bool passed = RUN_ALL_TESTS() == 0;

  std::printf("%-34s %7s %7s %8s\n", "", "passed", "failed", "skipped");
  auto print = [](const char* group, const Count& n) {
    std::printf("%-34s %7d %7d %8d\n", group, n.passed, n.failed, n.skipped);
  };
  for (const auto& g : seen->by_group) print(g.first.c_str(), g.second);
  const Count& all = seen->all;
  print("all", all);
  int total = all.passed + all.failed + all.skipped;
  bool ok = seen->wrong == 0 && total == tests && all.skipped < total &&
            (error == 0 ? passed : all.failed >= 0.95 * (all.passed + all.failed));
  std::printf("upstream's own tests: %d of %d%s, %d skipped because the CPU lacks their instructions: %s\n", total, tests,
              error == 0 ? "" : ", with a planted error, which must fail", all.skipped, ok ? "ok" : "NOT OK");
  return ok ? 0 : 1;
}
