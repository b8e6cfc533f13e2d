// Sends a number to the cheapest trunk that reaches it, and to the next one when that fails.
//
// The rates are compiled in, sorted by prefix; with the longest prefix the rate is the right one, whatever shorter ones cost.
#include "cordboard_router.h"

typedef struct {
  const char *prefix;
  // Trunks of the configuration, cheapest first.
  const char *trunks[2];
} rate_t;

static const rate_t RATES[] = {
    {"001", {"pacific", "reserve"}},
    {"0049", {"atlantic", "reserve"}},
    {"00491", {"mobile", "atlantic"}},
};

void exports_cordboard_plugin_meta_describe(exports_cordboard_plugin_meta_info_t *ret) {
  describe_as(ret, "least-cost", "0.1.0", "Sends a number to the cheapest trunk that reaches it");
}

bool exports_cordboard_plugin_meta_check_config(cordboard_string_t *config_json,
                                                exports_cordboard_plugin_meta_list_problem_t *err) {
  return nothing_to_configure(*config_json, err);
}

static const rate_t *rate_of(cordboard_string_t number) {
  const rate_t *longest = NULL;
  for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
    if (!text_begins_with(number, RATES[i].prefix)) continue;
    if (longest == NULL || strlen(RATES[i].prefix) > strlen(longest->prefix)) longest = &RATES[i];
  }
  return longest;
}

bool exports_cordboard_plugin_routing_route(question_t *question, answer_t *ret, fault_t *err) {
  (void)err;
  cordboard_string_t number = question->call.callee.user;
  const rate_t *rate = rate_of(number);
  if (rate == NULL) return pass(ret, "no rate for this number");
  if (question->attempts.len > 0) return reject(ret, 503, "no trunk reached the number");
  target_t targets[] = {trunk(rate->trunks[0], number), trunk(rate->trunks[1], number)};
  return dial(ret, targets, sizeof targets / sizeof *targets, "the cheapest trunk first");
}
