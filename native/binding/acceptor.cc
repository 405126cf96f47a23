// The accepting thread's side of an accept loop, as JavaScript holds it.
#include "../core/acceptor.h"

#include "convert.h"
#include "environment.h"
#include "exports.h"

namespace listenq::binding {

namespace {

static_assert(Acceptor::kBatch <= kBatch);

// What gather() gives once the thread is to end.
constexpr int kEnded = -1;

class AcceptorObject : public Napi::ObjectWrap<AcceptorObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    using Self = AcceptorObject;
    return DefineClass(env, "Acceptor",
                       {InstanceMethod<&Self::run>("run"), InstanceMethod<&Self::gather>("gather"),
                        InstanceMethod<&Self::leave_peers>("leavePeers"), InstanceMethod<&Self::block>("block"),
                        InstanceMethod<&Self::deliver>("deliver")});
  }

  // new Acceptor(handoffToken, ...listenerTokens): has ended at once if the loop, or each listener, is closed already.
  explicit AcceptorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<AcceptorObject>(info) {
    if (!is_wrapped(*this)) return;
    Arguments in(info);
    auto handoff = Handoff::find(token_of(in.text(0)));
    std::vector<std::unique_ptr<ListenerMember>> members;
    for (std::size_t i = 1; i < info.Length(); i++) {
      auto joined = ListenerGroup::join(token_of(in.text(i)));
      if (!joined) continue;
      if (!joined->ok()) {
        raise(in.env(), joined->error());
        return;
      }
      members.push_back(std::move(joined->value()));
    }
    if (in.ok() && handoff) acceptor_.emplace(std::move(handoff), std::move(members));
  }

 private:
  // run(milliseconds): gathers and delivers for that time; false once the thread is to end.
  Napi::Value run(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const std::chrono::milliseconds slice(in.integer(0));
    bool going = in.ok() && acceptor_;
    const auto until = Acceptor::Clock::now() + slice;
    for (auto left = slice; going && left.count() > 0;
         left = std::chrono::ceil<std::chrono::milliseconds>(until - Acceptor::Clock::now())) {
      going = acceptor_->gather(left).has_value();
      if (going) acceptor_->deliver();
    }
    return Napi::Boolean::New(in.env(), going);
  }

  // gather(milliseconds): how many came.
  Napi::Value gather(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const std::chrono::milliseconds slice(in.integer(0));
    if (!in.ok() || !acceptor_) return Napi::Number::New(in.env(), kEnded);
    const auto count = acceptor_->gather(slice);
    return Napi::Number::New(in.env(), count ? static_cast<double>(*count) : kEnded);
  }

  // leavePeers(count): puts the peers of those that came where JavaScript finds them.
  Napi::Value leave_peers(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const auto count = static_cast<std::size_t>(in.integer(0));
    if (!in.ok() || !acceptor_) return in.env().Undefined();
    for (std::size_t i = 0; i < std::min(count, acceptor_->gathered()); i++) {
      Environment::of(in.env()).leave_peer(i, acceptor_->peer(i));
    }
    return in.env().Undefined();
  }

  // block(index): closes one of those that came.
  Napi::Value block(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const auto index = static_cast<std::size_t>(in.integer(0));
    if (in.ok() && acceptor_ && index < acceptor_->gathered()) acceptor_->block(index);
    return in.env().Undefined();
  }

  // deliver(): hands those that came over.
  Napi::Value deliver(const Napi::CallbackInfo& info) {
    if (acceptor_) acceptor_->deliver();
    return info.Env().Undefined();
  }

  std::optional<Acceptor> acceptor_;
};

}  // namespace

void put_acceptor(Napi::Object exports) {
  exports.Set("Acceptor", AcceptorObject::define(exports.Env()));
}

}  // namespace listenq::binding
