/*
 * Generic names: the name that all instances of a function share, whatever
 * their type arguments and the compiler's mangling, for grouping.
 */
#ifndef GENERIC_H
#define GENERIC_H

#include <stddef.h>

/*
 * Write the generic form of a demangled name to out, cut at size - 1 bytes:
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
 * Types lose their modules and type arguments, functions their arguments, closures
 * their numbers; functions that do not belong to a type keep their modules.  Legacy
 * names contain the modules of types too, so a component with a capital letter is
 * taken for a type.  Names with very deeply nested brackets are copied.
 */
void generic_of(char *out, size_t size, const char *name);

#endif
