#include "CCurl.h"
#include <dlfcn.h>

// The functions that are called, under libcurl's names without `curl_`.
#define FUNCTIONS(F)                                                                                                   \
    F(global_init) F(easy_init) F(easy_cleanup) F(easy_setopt) F(easy_getinfo) F(easy_strerror) F(slist_append)        \
    F(slist_free_all) F(multi_init) F(multi_cleanup) F(multi_add_handle) F(multi_remove_handle) F(multi_perform)       \
    F(multi_info_read) F(multi_poll) F(multi_wakeup)

#define DECLARE(name) __typeof__(&curl_##name) name;
static struct {
    FUNCTIONS(DECLARE)
} curl;

static const char *const names[] = {
#ifdef __APPLE__
    "/usr/lib/libcurl.4.dylib",
#else
    "libcurl.so.4",
    "libcurl-gnutls.so.4",
#endif
};

bool ccurl_load(void) {
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !library; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (!library) return false;
#define FIND(name)                                                                                                     \
    *(void **)&curl.name = dlsym(library, "curl_" #name);                                                              \
    if (!curl.name) return false;
    FUNCTIONS(FIND)
    return curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

CURL *ccurl_new(void) { return curl.easy_init(); }
void ccurl_free(CURL *transfer) { curl.easy_cleanup(transfer); }

CURLcode ccurl_set_number(CURL *transfer, CURLoption option, long value) {
    return curl.easy_setopt(transfer, option, value);
}
CURLcode ccurl_set_size(CURL *transfer, CURLoption option, curl_off_t value) {
    return curl.easy_setopt(transfer, option, value);
}
CURLcode ccurl_set_text(CURL *transfer, CURLoption option, const char *value) {
    return curl.easy_setopt(transfer, option, value);
}
CURLcode ccurl_set_pointer(CURL *transfer, CURLoption option, void *value) {
    return curl.easy_setopt(transfer, option, value);
}
CURLcode ccurl_set_function(CURL *transfer, CURLoption option, ccurl_piece value) {
    return curl.easy_setopt(transfer, option, value);
}

long ccurl_number(CURL *transfer, CURLINFO info) {
    long value = 0;
    curl.easy_getinfo(transfer, info, &value);
    return value;
}

curl_off_t ccurl_size(CURL *transfer, CURLINFO info) {
    curl_off_t value = 0;
    curl.easy_getinfo(transfer, info, &value);
    return value;
}

const char *ccurl_words(CURLcode code) { return curl.easy_strerror(code); }

struct curl_slist *ccurl_list_append(struct curl_slist *list, const char *line) {
    return curl.slist_append(list, line);
}
void ccurl_list_free(struct curl_slist *list) { curl.slist_free_all(list); }

CURLM *ccurl_multi_new(void) { return curl.multi_init(); }
void ccurl_multi_free(CURLM *all) { curl.multi_cleanup(all); }
void ccurl_multi_add(CURLM *all, CURL *transfer) { curl.multi_add_handle(all, transfer); }
void ccurl_multi_remove(CURLM *all, CURL *transfer) { curl.multi_remove_handle(all, transfer); }

void ccurl_multi_perform(CURLM *all) {
    int running = 0;
    curl.multi_perform(all, &running);
}

CURL *ccurl_multi_ended(CURLM *all, CURLcode *code) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl.multi_info_read(all, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *code = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

void ccurl_multi_wait(CURLM *all, int milliseconds) { curl.multi_poll(all, NULL, 0, milliseconds, NULL); }
void ccurl_multi_wake(CURLM *all) { curl.multi_wakeup(all); }
