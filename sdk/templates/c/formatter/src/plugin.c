// Makes a line for a chat room of every call that has ended.
#include "cordboard_plugin.h"

typedef exports_cordboard_plugin_event_formatting_answer_t answer_t;
typedef exports_cordboard_plugin_event_formatting_message_t message_t;

static const char *const LINE = "{\"text\": \"A call has ended\"}";

void exports_cordboard_plugin_meta_describe(exports_cordboard_plugin_meta_info_t *ret) {
  describe_as(ret, "{{name}}", "0.1.0", "A {{kind}} for Cordboard");
}

bool exports_cordboard_plugin_meta_check_config(cordboard_string_t *config_json,
                                                exports_cordboard_plugin_meta_list_problem_t *err) {
  return nothing_to_configure(*config_json, err);
}

bool exports_cordboard_plugin_event_formatting_format(exports_cordboard_plugin_event_formatting_question_t *question,
                                                      answer_t *ret,
                                                      exports_cordboard_plugin_event_formatting_fault_t *err) {
  (void)err;
  memset(ret, 0, sizeof *ret);
  if (!text_is(question->event.kind, "call-ended")) {
    ret->decision.tag = EXPORTS_CORDBOARD_PLUGIN_EVENT_FORMATTING_DECISION_DROP;
    ret->why = text_copy("only ended calls are told");
    return true;
  }
  message_t *message = calloc(1, sizeof *message);
  if (message == NULL) abort();
  message->content_type = text_copy("application/json");
  // Bytes and texts are freed the same way.
  cordboard_string_t line = text_copy(LINE);
  message->body.ptr = line.ptr;
  message->body.len = line.len;
  ret->decision.tag = EXPORTS_CORDBOARD_PLUGIN_EVENT_FORMATTING_DECISION_DELIVER;
  ret->decision.val.deliver.ptr = message;
  ret->decision.val.deliver.len = 1;
  ret->why = text_copy("an ended call");
  return true;
}
