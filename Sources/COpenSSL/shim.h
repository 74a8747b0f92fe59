// The plain functions are called old, in favour of ones that find an implementation by name at run time. A static program takes with
// them the hashes alone, and a hash in the making is a value.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
