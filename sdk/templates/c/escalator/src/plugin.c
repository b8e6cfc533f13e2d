// Calls one contact after the other, in the order of the configuration, so many rounds.
#include "cordboard_plugin.h"

typedef exports_cordboard_plugin_escalation_answer_t answer_t;
typedef exports_cordboard_plugin_escalation_incident_t incident_t;
typedef exports_cordboard_plugin_escalation_step_t step_t;

static const size_t ROUNDS = 2;

void exports_cordboard_plugin_meta_describe(exports_cordboard_plugin_meta_info_t *ret) {
  describe_as(ret, "{{name}}", "0.1.0", "A {{kind}} for Cordboard");
}

bool exports_cordboard_plugin_meta_check_config(cordboard_string_t *config_json,
                                                exports_cordboard_plugin_meta_list_problem_t *err) {
  return nothing_to_configure(*config_json, err);
}

// An answer with one step, which the caller fills.
static step_t *one_step(answer_t *answer, uint8_t kind, const char *why) {
  memset(answer, 0, sizeof *answer);
  answer->decision.tag = EXPORTS_CORDBOARD_PLUGIN_ESCALATION_DECISION_STEPS;
  answer->why = text_copy(why);
  step_t *step = calloc(1, sizeof *step);
  if (step == NULL) abort();
  step->tag = kind;
  answer->decision.val.steps.ptr = step;
  answer->decision.val.steps.len = 1;
  return step;
}

static bool somebody_is_called(const incident_t *incident) {
  for (size_t i = 0; i < incident->history.len; i++) {
    if (!incident->history.ptr[i].ended_ms.is_some) return true;
  }
  return false;
}

bool exports_cordboard_plugin_escalation_escalate(exports_cordboard_plugin_escalation_question_t *question,
                                                  answer_t *ret, exports_cordboard_plugin_escalation_fault_t *err) {
  (void)err;
  const incident_t *incident = &question->incident;
  if (somebody_is_called(incident)) {
    step_t *step = one_step(ret, EXPORTS_CORDBOARD_PLUGIN_ESCALATION_STEP_WAIT, "somebody is being called");
    step->val.wait.timer = text_copy("next");
    step->val.wait.after_ms = 30000;
    return true;
  }
  size_t calls = incident->history.len;
  if (calls >= ROUNDS * incident->contacts.len) {
    step_t *step = one_step(ret, EXPORTS_CORDBOARD_PLUGIN_ESCALATION_STEP_GIVE_UP, "everybody was called");
    step->val.give_up = text_copy("nobody acknowledged");
    return true;
  }
  cordboard_string_t next = incident->contacts.ptr[calls % incident->contacts.len].id;
  step_t *step = one_step(ret, EXPORTS_CORDBOARD_PLUGIN_ESCALATION_STEP_PAGE, "the next one");
  cordboard_string_dup_n(&step->val.page.contact, (const char *)next.ptr, next.len);
  return true;
}
