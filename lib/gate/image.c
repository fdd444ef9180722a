#include "gate/image.h"

#include "gate_image.h" /* made by the build: the bytes, and GATE_IMAGE_... */

_Static_assert(GATE_IMAGE_SIZE <= GATE_CODE, "the blob is too long");
_Static_assert(sizeof gate_wrappers == GATE_FUNCTIONS * sizeof *gate_wrappers, "a wrapper each");

const unsigned char *
image_bytes(void)
{
	return gate_image;
}

const uint32_t *
image_wrappers(void)
{
	return gate_wrappers;
}

uint32_t
image_sampled(void)
{
	return GATE_IMAGE_sampled;
}

uint32_t
image_freed(void)
{
	return GATE_IMAGE_freed;
}

uint32_t
image_patch(void)
{
	return GATE_IMAGE_patch;
}

uint32_t
image_follow(void)
{
	return GATE_IMAGE_follow;
}
