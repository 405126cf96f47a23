// One thread's copy of a listening descriptor, as JavaScript holds it.
#include <chrono>

#include "../core/listener_group.h"
#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

// What JavaScript gets once the listener is closed, by whichever thread.
constexpr int kClosed = -1;

class ListenerObject : public Napi::ObjectWrap<ListenerObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    using Self = ListenerObject;
    return DefineClass(env, "ListenerCopy",
                       {InstanceMethod<&Self::accept_within>("acceptWithin"), InstanceMethod<&Self::enter>("enter"),
                        InstanceMethod<&Self::leave>("leave"), InstanceMethod<&Self::lend>("lend"),
                        InstanceMethod<&Self::leave_path>("leavePath"), InstanceMethod<&Self::token>("token"),
                        InstanceMethod<&Self::own_path>("ownPath"),
                        InstanceMethod<&Self::stop_admitting>("stopAdmitting"), InstanceMethod<&Self::closed>("closed"),
                        InstanceMethod<&Self::close>("close"), InstanceMethod<&Self::release>("release"),
                        InstanceMethod<&Self::detach>("detach"), InstanceMethod<&Self::failed>("failed")});
  }

  // new ListenerCopy(fd) takes `fd` over; new ListenerCopy(token) makes a copy of the listener that the token names,
  // and leaves itself closed if there is none.
  explicit ListenerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ListenerObject>(info) {
    if (!is_wrapped(*this)) return;
    Arguments in(info);
    if (info[0].IsNumber()) {
      const int fd = in.integer(0);
      if (!in.ok()) return;
      hold(in.env(), ListenerGroup::adopt(fd));
      if (member_) Environment::of(in.env()).owned.remove(fd);
      return;
    }
    const std::string token = in.text(0);
    if (!in.ok()) return;
    auto joined = ListenerGroup::join(token_of(token));
    if (joined) hold(in.env(), std::move(*joined));
  }

 private:
  void hold(Napi::Env env, Result<std::unique_ptr<ListenerMember>> member) {
    if (member.ok()) {
      member_ = std::move(member.value());
    } else {
      raise(env, member.error());
    }
  }

  // acceptWithin(most, milliseconds): how many came, left in acceptedFds and acceptedPeers and owned by this
  // environment from now on.
  Napi::Value accept_within(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const auto most = std::min<std::size_t>(static_cast<std::size_t>(in.integer(0)), kBatch);
    const std::chrono::milliseconds slice(in.integer(1));
    if (!in.ok()) return in.env().Undefined();
    if (!member_) return Napi::Number::New(in.env(), kClosed);
    Environment& environment = Environment::of(in.env());
    environment.accepted.clear();
    auto count = member_->accept_within(environment.accepted, most, environment.waker_fd(), slice, failed_);
    if (!count) return Napi::Number::New(in.env(), kClosed);
    if (!count->ok()) return raise(in.env(), count->error());
    for (std::size_t i = 0; i < count->value(); i++) {
      const int fd = environment.accepted[i].fd.release();
      environment.owned.add(fd);
      (*environment.accepted_fds)[i] = fd;
      environment.leave_peer(i, environment.accepted[i].peer);
    }
    return Napi::Number::New(in.env(), static_cast<double>(count->value()));
  }

  // enter(): the number, which nobody closes until leave(); -1 once closed.
  Napi::Value enter(const Napi::CallbackInfo& info) {
    if (member_ && !lease_) {
      if (auto lease = member_->lease()) lease_.emplace(std::move(*lease));
    }
    return Napi::Number::New(info.Env(), lease_ ? lease_->fd() : kClosed);
  }

  Napi::Value leave(const Napi::CallbackInfo& info) {
    lease_.reset();
    return info.Env().Undefined();
  }

  // leavePath(): the socket file stays when the listener is closed.
  Napi::Value leave_path(const Napi::CallbackInfo& info) {
    if (member_) member_->group().leave_path();
    return info.Env().Undefined();
  }

  // lend(): the number; the socket may be another process's too from now on.
  Napi::Value lend(const Napi::CallbackInfo& info) {
    if (member_) member_->group().lend();
    return Napi::Number::New(info.Env(), member_ ? member_->fd() : kClosed);
  }

  Napi::Value token(const Napi::CallbackInfo& info) {
    return token_text(info.Env(), member_ ? member_->group().token() : 0);
  }

  Napi::Value own_path(const Napi::CallbackInfo& info) {
    Arguments in(info);
    std::string path = in.text(0);
    if (in.ok() && member_) member_->group().own_path(std::move(path));
    return in.env().Undefined();
  }

  // stopAdmitting(): whether it lets no new client in any more.
  Napi::Value stop_admitting(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), member_ && member_->stop_admitting());
  }

  Napi::Value closed(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), !member_ || member_->group().closed());
  }

  // close(): the whole listener, in every thread.
  Napi::Value close(const Napi::CallbackInfo& info) {
    if (member_) member_->group().close();
    return release(info);
  }

  // release(): this copy alone.
  Napi::Value release(const Napi::CallbackInfo& info) {
    lease_.reset();
    member_.reset();
    return info.Env().Undefined();
  }

  // detach(): this copy's number, which the caller owns from now on.
  Napi::Value detach(const Napi::CallbackInfo& info) {
    const int fd = member_ ? member_->detach() : kClosed;
    release(info);
    return Napi::Number::New(info.Env(), fd);
  }

  // failed(): connections that accept(2) reported as failed on their own, and that were passed over.
  Napi::Value failed(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(failed_));
  }

  std::unique_ptr<ListenerMember> member_;
  std::optional<ListenerMember::Lease> lease_;
  std::uint64_t failed_ = 0;
};

}  // namespace

void put_listener(Napi::Object exports) {
  exports.Set("ListenerCopy", ListenerObject::define(exports.Env()));
}

}  // namespace listenq::binding
