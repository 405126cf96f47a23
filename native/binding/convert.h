// JavaScript's values to the core's and back. Meaning is checked in TypeScript; here only what memory safety needs.
#ifndef LISTENQ_BINDING_CONVERT_H_
#define LISTENQ_BINDING_CONVERT_H_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../core/address.h"
#include "../core/result.h"

namespace listenq::binding {

/** Reads a call's arguments. After a wrong one an exception is pending and ok() is false: return at once. */
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info), env_(info.Env()) {}

  Napi::Env env() const { return env_; }
  bool ok() const { return ok_; }

  int integer(std::size_t index);
  double number(std::size_t index);
  bool flag(std::size_t index);
  std::string text(std::size_t index);
  /** A Uint8Array's memory, which JavaScript keeps alive for the length of the call. */
  std::span<std::byte> bytes(std::size_t index);
  std::span<std::int32_t> integers(std::size_t index);
  Address address(std::size_t index);

 private:
  void refuse(std::size_t index, const char* wanted);
  void* typed_array(std::size_t index, napi_typedarray_type type, std::size_t* length);

  const Napi::CallbackInfo& info_;
  Napi::Env env_;
  bool ok_ = true;
};

/** What JavaScript makes of `error` (src/errors.ts); empty, with an exception pending, if it could not. */
Napi::Value error_of(Napi::Env env, const SystemError& error);

/** Throws it, and returns undefined. */
Napi::Value raise(Napi::Env env, const SystemError& error);

/** A Uint8Array, and a Uint32Array, of a copy. */
Napi::Value bytes_of(Napi::Env env, const void* data, std::size_t size);
Napi::Value words_of(Napi::Env env, std::span<const std::uint32_t> words);
Napi::Value bytes_of(Napi::Env env, const Address& address);

/** How the threads of this process name a shared object to each other: 16 hexadecimal digits. */
Napi::Value token_text(Napi::Env env, std::uint64_t token);
std::uint64_t token_of(const std::string& text);

/** Whether an object under construction was wrapped. In a worker that is being terminated it may not be: nobody will
 * then delete it, and it must hold nothing. */
template <typename T>
bool is_wrapped(const Napi::ObjectWrap<T>& object) {
  return !object.IsEmpty();
}

/** undefined, or the exception. */
Napi::Value finish(Napi::Env env, const Status& status);

}  // namespace listenq::binding

#endif  // LISTENQ_BINDING_CONVERT_H_
