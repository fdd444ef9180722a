#include "noeh.c"
