/*
 * Names without what differs between one function's instances, and between
 * compilers: what a view groups by.
 */
#ifndef GENERIC_H
#define GENERIC_H

#include <stddef.h>

/*
 * The folded form of a demangled name, cut at size - 1 bytes:
 *
 *   <alloc::vec::Vec<my::T>>::push             Vec<_>::push
 *   alloc::vec::Vec<T,A>::push                 Vec<_>::push
 *   <my::T as core::fmt::Display>::fmt         <T as Display>::fmt
 *   my::http::<impl my::Read for my::T>::read  <T as Read>::read
 *   core::ptr::drop_in_place::<my::T>          core::ptr::drop_in_place
 *   my::serve::{closure#1}                     my::serve::{closure}
 *   ns::Map<int>::at(int const&)               Map<_>::at
 *   my::parse.cold                             my::parse
 *
 * Types lose their modules and the arguments of generic ones, functions their
 * arguments and closures their numbers; functions that are of no type keep their
 * modules.  Legacy names have the modules of types too, so there a component with
 * a capital letter is taken for a type.  Brackets that nest deeper than anybody
 * writes them are left as they are.
 */
void generic_of(char *out, size_t size, const char *name);

#endif
