/*
 * The formats that there are.
 */
#ifndef EXPORT_FORMATS_H
#define EXPORT_FORMATS_H

struct export_format;

const struct export_format *export_callgrind(void);
const struct export_format *export_dhat(void);
const struct export_format *export_firefox(void);
const struct export_format *export_flame(void); /* an HTML page */
const struct export_format *export_folded(void);
const struct export_format *export_pprof(void); /* profile.proto, compressed by gzip */
const struct export_format *export_speedscope(void);
const struct export_format *export_trace(void);

#endif
