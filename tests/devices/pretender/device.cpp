// A device for PyTorch that computes on the processor and behaves like an accelerator.
//
// Its tensors have memory of their own, NumPy can't see it, and an operator that is
// given a tensor or a generator of the processor refuses, as CUDA's do. The computing
// is left to the processor's kernels. See ../test_devices.py for what that proves.
//
// PyTorch keeps the name PrivateUse1 for devices from outside; what such a device has
// to register is described in "Facilitating new backend integration by PrivateUse1"
// (https://docs.pytorch.org/tutorials/advanced/privateuseone.html).

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace {

constexpr auto kPretend = c10::DeviceType::PrivateUse1;
const c10::Device here{kPretend, 0};
const c10::DispatchKeySet keys{c10::DispatchKey::PrivateUse1};

// --- Memory ----------------------------------------------------------------------

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes ? c10::alloc_cpu(bytes) : nullptr;
    return {data, data, &c10::free_cpu, here};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};
Memory memory;
REGISTER_ALLOCATOR(kPretend, &memory)

// --- Random numbers: the processor's, in a generator that says it is ours ---------

struct Dice final : c10::GeneratorImpl {
  Dice() : Dice(at::detail::createCPUGenerator()) {}
  explicit Dice(at::Generator inner) : GeneratorImpl(here, keys), inner(inner) {}

  void set_current_seed(uint64_t seed) override { inner.set_current_seed(seed); }
  uint64_t current_seed() const override { return inner.current_seed(); }
  uint64_t seed() override { return inner.seed(); }
  void set_offset(uint64_t) override {}
  uint64_t get_offset() const override { return 0; }
  void set_state(const c10::TensorImpl& state) override {
    inner.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return inner.unsafeGetGeneratorImpl()->get_state();
  }
  Dice* clone_impl() const override { return new Dice(inner.clone()); }

  at::Generator inner;
};

at::Generator& default_dice() {
  static at::Generator dice = at::make_generator<Dice>();
  return dice;
}

// --- One device, without streams: whatever is asked for is done at once -----------

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kPretend; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Device getDevice() const override { return here; }
  c10::Device exchangeDevice(c10::Device) const override { return here; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device device) const override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream getNewStream(c10::Device device, int) const override {
    return getStream(device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  void record(void**, const c10::Stream&, const c10::DeviceIndex,
              const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(const c10::DeviceIndex) const override {}
  void recordDataPtrOnStream(const c10::DataPtr&, const c10::Stream&) const override {}
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    return default_dice();
  }
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return at::make_generator<Dice>();
  }
  void resizePrivateUse1Bytes(const c10::Storage& storage,
                              size_t bytes) const override {
    auto larger = memory.allocate(bytes);
    std::memcpy(larger.get(), storage.data(), std::min(bytes, storage.nbytes()));
    storage.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(larger));
    storage.unsafeGetStorageImpl()->set_nbytes(bytes);
  }
};
Hooks hooks;
const bool registered = (at::RegisterPrivateUse1HooksInterface(&hooks), true);

// --- Operators that make tensors, or read and write their memory ------------------

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype,
                 std::optional<at::Layout>, std::optional<at::Device>,
                 std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory, keys, c10::dtype_or_default(dtype),
                                   format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                         std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory, keys,
                                           c10::dtype_or_default(dtype));
}

// The same memory as a tensor of the processor.
at::Tensor seen_by_cpu(const at::Tensor& tensor) {
  if (!tensor.is_privateuseone()) return tensor;
  const auto storage = tensor.storage();
  const auto elements = static_cast<int64_t>(storage.nbytes() / tensor.element_size());
  const auto all = at::from_blob(storage.mutable_data(), {elements},
                                 [keep_alive = storage](void*) {},
                                 at::TensorOptions().dtype(tensor.dtype()));
  auto part = all.as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset());
  part._set_conj(tensor.is_conj());
  part._set_neg(tensor.is_neg());
  return part;
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  seen_by_cpu(to).copy_(seen_by_cpu(from));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Scalar item(const at::Tensor& tensor) { return seen_by_cpu(tensor).item(); }

at::Tensor& set_storage(at::Tensor& tensor, at::Storage storage) {
  return at::native::set_(tensor, storage);
}

// --- All other operators: checked, then done by the processor ---------------------

void refuse_foreigners(const at::Tensor& tensor) {
  TORCH_CHECK(!tensor.defined() || tensor.is_privateuseone() || tensor.dim() == 0,
              "Expected all tensors to be on the same device, but found at least two "
              "devices, ", here, " and ", tensor.device(), "!");
}

at::Generator inner_generator(const c10::IValue& given) {
  const auto dice = given.isNone() ? default_dice() : given.toGenerator();
  TORCH_CHECK(dice.device() == here, "Expected a '", here.type(),
              "' device type for generator but found '", dice.device().type(), "'");
  return static_cast<Dice*>(dice.unsafeGetGeneratorImpl())->inner;
}

void check_and_compute(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  static const auto generator = c10::getTypePtr<std::optional<at::Generator>>();
  const auto& arguments = op.schema().arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& value = (*stack)[stack->size() - arguments.size() + i];
    if (value.isTensor()) {
      refuse_foreigners(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) refuse_foreigners(tensor);
    } else if (*arguments[i].type() == *generator) {
      value = inner_generator(value);
    }
  }
  at::native::cpu_fallback(op, stack);
}

torch::CppFunction by_processor() {
  return torch::CppFunction::makeFromBoxedFunction<&check_and_compute>();
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(by_processor()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", empty);
  library.impl("empty_strided", empty_strided);
  library.impl("_copy_from", copy_from);
  library.impl("_copy_from_and_resize", copy_from_and_resize);
  library.impl("_local_scalar_dense", item);
  library.impl("set_.source_Storage", set_storage);
  // PyTorch would have it write into a tensor of a size that it then warns of.
  library.impl("mse_loss", by_processor());
  // Views and sizes don't look at the memory: PyTorch's own serve every device.
  library.impl("as_strided", at::native::as_strided_tensorimpl);
  library.impl("view", at::native::view);
  library.impl("_reshape_alias", at::native::_reshape_alias);
  library.impl("unfold", at::native::unfold);
  library.impl("resize_", at::native::resize_);
  library.impl("set_.source_Tensor", at::native::set_tensor_);
  library.impl("set_.source_Storage_storage_offset", at::native::set_storage_cpu_);
}

// For torch.manual_seed and its like, which ask the device's Python module.
TORCH_LIBRARY(pretend, library) {
  library.def("seed", [](int64_t seed) { default_dice().set_current_seed(seed); });
  library.def("get_state", []() { return default_dice().get_state(); });
  library.def("set_state",
              [](const at::Tensor& state) { default_dice().set_state(state); });
}

}  // namespace
