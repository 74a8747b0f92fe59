// libcurl's options and answers come through functions of any number of arguments, which Swift cannot call: here they are by type.
#pragma once
#include <curl/curl.h>

typedef size_t (*ccurl_piece)(char *bytes, size_t size, size_t count, void *owner);

static inline CURLcode ccurl_set_number(CURL *transfer, CURLoption option, long value) {
    return (curl_easy_setopt)(transfer, option, value);
}
static inline CURLcode ccurl_set_size(CURL *transfer, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(transfer, option, value);
}
static inline CURLcode ccurl_set_text(CURL *transfer, CURLoption option, const char *value) {
    return (curl_easy_setopt)(transfer, option, value);
}
static inline CURLcode ccurl_set_pointer(CURL *transfer, CURLoption option, void *value) {
    return (curl_easy_setopt)(transfer, option, value);
}
static inline CURLcode ccurl_set_function(CURL *transfer, CURLoption option, ccurl_piece value) {
    return (curl_easy_setopt)(transfer, option, value);
}
// No file:// and no ftp://, whatever an address says.
static inline CURLcode ccurl_allow_http_only(CURL *transfer) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return (curl_easy_setopt)(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return (curl_easy_setopt)(transfer, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}
static inline long ccurl_number(CURL *transfer, CURLINFO info) {
    long value = 0;
    (curl_easy_getinfo)(transfer, info, &value);
    return value;
}
static inline curl_off_t ccurl_size(CURL *transfer, CURLINFO info) {
    curl_off_t value = 0;
    (curl_easy_getinfo)(transfer, info, &value);
    return value;
}
