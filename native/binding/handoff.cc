// The taking thread's side of an accept loop, as JavaScript holds it.
#include "../core/handoff.h"

#include <cstdio>

#include "convert.h"
#include "environment.h"
#include "exports.h"
#include "loop_waker.h"

namespace listenq::binding {

namespace {

// What take() gives instead of a descriptor.
constexpr int kNothing = -1;
constexpr int kNews = -2;

template <typename T>
std::optional<T> optional_of(int value) {
  return value < 0 ? std::nullopt : std::optional(T(value));
}

class HandoffObject : public Napi::ObjectWrap<HandoffObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    using Self = HandoffObject;
    return DefineClass(
        env, "Handoff",
        {InstanceMethod<&Self::token>("token"), InstanceMethod<&Self::take>("take"),
         InstanceMethod<&Self::want>("want"), InstanceMethod<&Self::news>("news"),
         InstanceMethod<&Self::hear_of_losses>("hearOfLosses"), InstanceMethod<&Self::pause>("pause"),
         InstanceMethod<&Self::stop>("stop"), InstanceMethod<&Self::closed>("closed"),
         InstanceMethod<&Self::end>("end"), InstanceMethod<&Self::ref>("ref"), InstanceMethod<&Self::unref>("unref"),
         InstanceMethod<&Self::stats>("stats"), InstanceMethod<&Self::again>("again"),
         InstanceMethod<&Self::wait_until_left>("waitUntilLeft")});
  }

  // new Handoff(highWaterMark, maxWaitMs, maxWaiting, maxConnections, action, answer, onReady); -1 is "no limit".
  explicit HandoffObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HandoffObject>(info) {
    if (!is_wrapped(*this)) return;
    Arguments in(info);
    Handoff::Settings settings;
    settings.high_water_mark = static_cast<std::size_t>(in.integer(0));
    settings.max_wait = optional_of<std::chrono::milliseconds>(in.integer(1));
    settings.max_waiting = optional_of<std::size_t>(in.integer(2));
    settings.max_connections = optional_of<std::size_t>(in.integer(3));
    settings.overload.action = static_cast<Overload::Action>(in.integer(4));
    const auto answer = in.bytes(5);
    if (!in.ok() || !info[6].IsFunction()) return;
    settings.overload.answer.assign(answer.begin(), answer.end());
    waker_ = LoopWaker::create(in.env(), info[6].As<Napi::Function>());
    if (!waker_) return;
    auto made = Handoff::create(std::move(settings), [waker = waker_] { waker->wake(); });
    if (made.ok()) {
      handoff_ = std::move(made.value());
    } else {
      waker_->close();
      raise(in.env(), made.error());
    }
  }

  // Also when the environment ends without a word: the accepting thread is told, and what waits is closed.
  ~HandoffObject() override {
    if (handoff_) handoff_->end();
  }

 private:
  Napi::Value token(const Napi::CallbackInfo& info) { return token_text(info.Env(), handoff_ ? handoff_->token() : 0); }

  // take(wanting): the descriptor, owned by this environment from now on, its peer in acceptedPeers, its wait in
  // takenWait; or a constant.
  Napi::Value take(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const auto wanting = static_cast<std::size_t>(in.integer(0));
    if (!in.ok() || !handoff_) return Napi::Number::New(in.env(), kNothing);
    Arrival arrival;
    switch (handoff_->take(wanting, arrival)) {
      case Handoff::Taken::kNothing:
        return Napi::Number::New(in.env(), kNothing);
      case Handoff::Taken::kNews:
        return Napi::Number::New(in.env(), kNews);
      case Handoff::Taken::kConnection:
        break;
    }
    Environment& environment = Environment::of(in.env());
    const int fd = arrival.fd.release();
    environment.owned.add(fd);
    environment.leave_peer(0, arrival.peer);
    *environment.taken_wait = std::chrono::duration<double, std::milli>(arrival.waited).count();
    return Napi::Number::New(in.env(), fd);
  }

  // want(wanting): how many wait for a connection.
  Napi::Value want(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const auto wanting = static_cast<std::size_t>(in.integer(0));
    if (in.ok() && handoff_) handoff_->want(wanting);
    return in.env().Undefined();
  }

  // news(): [kind, error], the kind by its number, without an error of losses; or undefined.
  Napi::Value news(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto news = handoff_ ? handoff_->news() : std::nullopt;
    if (!news) return env.Undefined();
    auto pair = Napi::Array::New(env, 2);
    pair.Set(0U, Napi::Number::New(env, static_cast<int>(news->kind)));
    if (news->kind != Handoff::News::Kind::kLosses) pair.Set(1U, error_of(env, news->error));
    return pair;
  }

  // hearOfLosses(): the next one is news.
  Napi::Value hear_of_losses(const Napi::CallbackInfo& info) {
    if (handoff_) handoff_->hear_of_losses();
    return info.Env().Undefined();
  }

  Napi::Value pause(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const bool on = in.flag(0);
    if (in.ok() && handoff_) handoff_->pause(on);
    return in.env().Undefined();
  }

  // stop(drain): the accepting thread ends; with drain, after what the kernel has queued.
  Napi::Value stop(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const bool drain = in.flag(0);
    if (in.ok() && handoff_) handoff_->stop(drain);
    return in.env().Undefined();
  }

  // again(): onReady is called once more in this turn of the event loop.
  Napi::Value again(const Napi::CallbackInfo& info) {
    if (handoff_) waker_->wake();
    return info.Env().Undefined();
  }

  // waitUntilLeft(milliseconds): false if the accepting thread still has the listeners then.
  Napi::Value wait_until_left(const Napi::CallbackInfo& info) {
    Arguments in(info);
    const std::chrono::milliseconds timeout(in.integer(0));
    const bool left = in.ok() && (!handoff_ || handoff_->wait_until_left(timeout));
    return Napi::Boolean::New(in.env(), left);
  }

  // closed(): a connection that was handed over was closed.
  Napi::Value closed(const Napi::CallbackInfo& info) {
    if (handoff_) handoff_->closed();
    if (!handoff_) last_.open--;
    return info.Env().Undefined();
  }

  // end(): how many waited and were closed. Lets the event loop go, and keeps nothing but the counts.
  Napi::Value end(const Napi::CallbackInfo& info) {
    if (!handoff_) return Napi::Number::New(info.Env(), 0);
    const std::size_t left = handoff_->end();
    last_ = handoff_->stats();
    handoff_.reset();
    waker_->close();
    return Napi::Number::New(info.Env(), static_cast<double>(left));
  }

  Napi::Value ref(const Napi::CallbackInfo& info) {
    if (waker_) waker_->ref(info.Env());
    return info.Env().Undefined();
  }

  Napi::Value unref(const Napi::CallbackInfo& info) {
    if (waker_) waker_->unref(info.Env());
    return info.Env().Undefined();
  }

  // stats(): the fields of Handoff::Stats in their order, the causes of refusal one by one.
  Napi::Value stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Handoff::Stats stats = handoff_ ? handoff_->stats() : last_;
    std::vector<double> numbers;
    const auto add = [&numbers](auto value) { numbers.push_back(static_cast<double>(value)); };
    add(stats.accepted);
    add(stats.delivered);
    add(stats.waiting);
    add(stats.open);
    for (const auto refused : stats.refused) add(refused);
    add(stats.failed);
    add(stats.shortages);
    add(stats.longest_wait.count());
    add(stats.longest_queue);
    add(stats.drops);
    auto array = Napi::Array::New(env, numbers.size());
    for (std::uint32_t i = 0; i < numbers.size(); i++) array.Set(i, Napi::Number::New(env, numbers[i]));
    return array;
  }

  std::shared_ptr<LoopWaker> waker_;
  std::shared_ptr<Handoff> handoff_;
  Handoff::Stats last_;
};

}  // namespace

void put_handoff(Napi::Object exports) {
  auto wait = Napi::Float64Array::New(exports.Env(), 1);
  Environment::of(exports.Env()).taken_wait = wait.Data();
  exports.Set("takenWait", wait);
  exports.Set("Handoff", HandoffObject::define(exports.Env()));
}

}  // namespace listenq::binding
