/* Encodes pictures that move, by x264, whose assembly has no unwind tables, for ever. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#define WIDTH 320
#define HEIGHT 240

/* Draw picture n: a pattern that moves over noise that stays. */
static void
draw(x264_picture_t *p, int n)
{
	for (int plane = 0; plane < 3; plane++)
		for (int y = 0; y < HEIGHT >> (plane > 0); y++)
			for (int x = 0; x < WIDTH >> (plane > 0); x++)
				p->img.plane[plane][y * p->img.i_stride[plane] + x] =
				    (uint8_t)((x + n) * (y - n) / 64 + (x * 7 ^ y * 13) % 16);
}

int
main(void)
{
	x264_param_t o;
	x264_picture_t in, out;
	x264_nal_t *nal;
	x264_t *x;
	int count;

	if (x264_param_default_preset(&o, "medium", NULL) < 0)
		abort();
	o.i_width = WIDTH;
	o.i_height = HEIGHT;
	o.i_csp = X264_CSP_I420;
	o.i_threads = 1;
	o.i_lookahead_threads = 1;
	o.i_log_level = X264_LOG_NONE;
	x = x264_encoder_open(&o);
	if (x == NULL || x264_picture_alloc(&in, X264_CSP_I420, WIDTH, HEIGHT) < 0)
		abort();
	for (int n = 0;; n++) {
		draw(&in, n);
		in.i_pts = n;
		if (x264_encoder_encode(x, &nal, &count, &in, &out) < 0)
			abort();
	}
}
