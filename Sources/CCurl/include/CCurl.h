// libcurl, found when it is first needed and not when the program starts: whoever fetches nothing needs none, and a program that is
// carried to another system takes that system's libcurl, with its TLS library and its certificates. Options and answers come through
// functions of any number of arguments, which Swift cannot call: here they are by type.
#pragma once
#include <curl/curl.h>
#include <stdbool.h>

/// Finds libcurl and starts it. False where there is none, or one older than 7.68. Call it once, before everything else here.
bool ccurl_load(void);

/// Takes or gives bytes: as CURLOPT_WRITEFUNCTION, CURLOPT_HEADERFUNCTION and CURLOPT_READFUNCTION want it.
typedef size_t (*ccurl_piece)(char *bytes, size_t size, size_t count, void *owner);

CURL *ccurl_new(void);
void ccurl_free(CURL *transfer);
CURLcode ccurl_set_number(CURL *transfer, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *transfer, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *transfer, CURLoption option, const char *value);
CURLcode ccurl_set_pointer(CURL *transfer, CURLoption option, void *value);
CURLcode ccurl_set_function(CURL *transfer, CURLoption option, ccurl_piece value);
long ccurl_number(CURL *transfer, CURLINFO info);
curl_off_t ccurl_size(CURL *transfer, CURLINFO info);
const char *ccurl_words(CURLcode code);

struct curl_slist *ccurl_list_append(struct curl_slist *list, const char *line);
void ccurl_list_free(struct curl_slist *list);

CURLM *ccurl_multi_new(void);
void ccurl_multi_free(CURLM *all);
void ccurl_multi_add(CURLM *all, CURL *transfer);
void ccurl_multi_remove(CURLM *all, CURL *transfer);
/// Does what can be done without waiting.
void ccurl_multi_perform(CURLM *all);
/// A transfer that has ended, and how; NULL where there is none.
CURL *ccurl_multi_ended(CURLM *all, CURLcode *code);
/// Waits until there is something to do, somebody wakes it, or the time is over.
void ccurl_multi_wait(CURLM *all, int milliseconds);
/// Ends a wait, from any thread.
void ccurl_multi_wake(CURLM *all);
