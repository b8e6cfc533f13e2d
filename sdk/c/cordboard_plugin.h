// What the bindings leave to do by hand in C: text in and out, and what every plugin says about itself.
//
// Include it after nothing else: it includes the bindings, `cordboard.h`, which `cordboard plugin build` makes of the WIT files.
// Everything that an answer holds has to be allocated, because the bindings free it afterwards; `text_copy` does that. A field that is
// left zero is an empty text, an empty list or an absent option.
#ifndef CORDBOARD_PLUGIN_H
#define CORDBOARD_PLUGIN_H

#include <stdlib.h>
#include <string.h>

#include "cordboard.h"

/// A copy that an answer may hold.
static inline cordboard_string_t text_copy(const char *text) {
  cordboard_string_t copy;
  cordboard_string_dup(&copy, text);
  return copy;
}

/// Whether a text of a question is this one.
static inline bool text_is(cordboard_string_t text, const char *wanted) {
  return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

/// Whether a text of a question begins with this one.
static inline bool text_begins_with(cordboard_string_t text, const char *beginning) {
  size_t length = strlen(beginning);
  return text.len >= length && memcmp(text.ptr, beginning, length) == 0;
}

/// Whether the host's table `registrations` has a user.
static inline bool is_registered(const char *user) {
  cordboard_string_t table = {(uint8_t *)"registrations", strlen("registrations")};
  cordboard_string_t key = {(uint8_t *)user, strlen(user)};
  cordboard_string_t contact;
  bool found = cordboard_plugin_lookup_get(&table, &key, &contact);
  if (found) cordboard_string_free(&contact);
  return found;
}

/// Name, version and purpose.
static inline void describe_as(exports_cordboard_plugin_meta_info_t *info, const char *name, const char *version,
                               const char *summary) {
  memset(info, 0, sizeof *info);
  info->name = text_copy(name);
  info->version = text_copy(version);
  info->summary = text_copy(summary);
}

/// One mistake in the configuration block; the caller returns false after it.
static inline void mistake(exports_cordboard_plugin_meta_list_problem_t *problems, const char *path, const char *message) {
  problems->ptr = calloc(1, sizeof *problems->ptr);
  problems->len = problems->ptr != NULL;
  if (problems->ptr == NULL) return;
  problems->ptr->path = text_copy(path);
  problems->ptr->message = text_copy(message);
}

/// For a plugin that has nothing to configure: every block but an empty one is a mistake.
static inline bool nothing_to_configure(cordboard_string_t block, exports_cordboard_plugin_meta_list_problem_t *problems) {
  if (text_is(block, "{}")) return true;
  mistake(problems, "", "expected no keys, as there is nothing to configure");
  return false;
}

#endif
