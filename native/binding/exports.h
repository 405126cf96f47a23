// The groups of functions that addon.cc puts together.
#ifndef LISTENQ_BINDING_EXPORTS_H_
#define LISTENQ_BINDING_EXPORTS_H_

#include <napi.h>

namespace listenq::binding {

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

inline void put(Napi::Object exports, const char* name, Function function) {
  exports.Set(name, Napi::Function::New(exports.Env(), function, name));
}

void put_constants(Napi::Object exports);
void put_syscalls(Napi::Object exports);
void put_owned(Napi::Object exports);
void put_stream(Napi::Object exports);
void put_descriptor_passing(Napi::Object exports);
void put_resolution(Napi::Object exports);
void put_listener(Napi::Object exports);
void put_acceptor(Napi::Object exports);
void put_handoff(Napi::Object exports);
void put_kernel(Napi::Object exports);
void put_diagnostics(Napi::Object exports);
void put_lab(Napi::Object exports);

}  // namespace listenq::binding

#endif  // LISTENQ_BINDING_EXPORTS_H_
