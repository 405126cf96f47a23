#include "convert.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "environment.h"

namespace listenq::binding {

void Arguments::refuse(std::size_t index, const char* wanted) {
  if (ok_) {
    Napi::TypeError::New(env_, "listenq addon: argument " + std::to_string(index) + " must be " + wanted)
        .ThrowAsJavaScriptException();
  }
  ok_ = false;
}

int Arguments::integer(std::size_t index) {
  std::int32_t value = 0;
  if (napi_get_value_int32(env_, info_[index], &value) != napi_ok) refuse(index, "a number");
  return value;
}

double Arguments::number(std::size_t index) {
  double value = 0;
  if (napi_get_value_double(env_, info_[index], &value) != napi_ok) refuse(index, "a number");
  return value;
}

bool Arguments::flag(std::size_t index) {
  bool value = false;
  if (napi_get_value_bool(env_, info_[index], &value) != napi_ok) refuse(index, "a boolean");
  return value;
}

std::string Arguments::text(std::size_t index) {
  const Napi::Value value = info_[index];
  if (!value.IsString()) {
    refuse(index, "a string");
    return {};
  }
  return value.As<Napi::String>().Utf8Value();
}

void* Arguments::typed_array(std::size_t index, napi_typedarray_type type, std::size_t* length) {
  napi_typedarray_type found = napi_int8_array;
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(env_, info_[index], &found, length, &data, nullptr, nullptr);
  if (status == napi_ok && found == type) return data;
  *length = 0;
  refuse(index, type == napi_uint8_array ? "a Uint8Array" : "an Int32Array");
  return nullptr;
}

std::span<std::byte> Arguments::bytes(std::size_t index) {
  std::size_t length = 0;
  auto* data = static_cast<std::byte*>(typed_array(index, napi_uint8_array, &length));
  return {data, length};
}

std::span<std::int32_t> Arguments::integers(std::size_t index) {
  std::size_t length = 0;
  auto* data = static_cast<std::int32_t*>(typed_array(index, napi_int32_array, &length));
  return {data, length};
}

Address Arguments::address(std::size_t index) {
  const auto raw = bytes(index);
  if (raw.size() > sizeof(sockaddr_storage)) refuse(index, "an address of at most 128 bytes");
  return address_from_bytes(raw.data(), raw.size());
}

Napi::Value error_of(Napi::Env env, const SystemError& error) {
  return Environment::of(env).make_error.Call({Napi::Number::New(env, -error.number),
                                               Napi::String::New(env, error.call),
                                               Napi::String::New(env, ::strerror(error.number))});
}

Napi::Value raise(Napi::Env env, const SystemError& error) {
  const Napi::Value made = error_of(env, error);
  // An exception is pending if the error could not even be made, as in a worker that is being terminated.
  if (!env.IsExceptionPending()) napi_throw(env, made);
  return env.Undefined();
}

namespace {

// By hand, as in a worker that is being terminated nothing can be made any more, and memory is not there to be written.
Napi::Value copy_of(Napi::Env env, napi_typedarray_type type, const void* data, std::size_t size, std::size_t length) {
  void* memory = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, size, &memory, &buffer) != napi_ok) return env.Undefined();
  if (size > 0) std::memcpy(memory, data, size);
  if (napi_create_typedarray(env, type, length, buffer, 0, &array) != napi_ok) return env.Undefined();
  return {env, array};
}

}  // namespace

Napi::Value bytes_of(Napi::Env env, const void* data, std::size_t size) {
  return copy_of(env, napi_uint8_array, data, size, size);
}

Napi::Value words_of(Napi::Env env, std::span<const std::uint32_t> words) {
  return copy_of(env, napi_uint32_array, words.data(), words.size_bytes(), words.size());
}

Napi::Value bytes_of(Napi::Env env, const Address& address) {
  return bytes_of(env, &address.storage, std::min<std::size_t>(address.length, sizeof address.storage));
}

Napi::Value token_text(Napi::Env env, std::uint64_t token) {
  char text[17] = "";
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(token));
  return Napi::String::New(env, text);
}

std::uint64_t token_of(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 16);
}

Napi::Value finish(Napi::Env env, const Status& status) {
  return status.ok() ? env.Undefined() : raise(env, status.error());
}

}  // namespace listenq::binding
