"""Give PyTorch the pretended device: an accelerator, as far as it can tell.

Python imports this module as it starts, in every process that has the folder on its
PYTHONPATH. ``PRETENDED_DEVICE`` names the library that ``device.cpp`` was made into.

What is defined here in terms of other operators is what PyTorch has no processor's
kernel for, or hands to each device in one piece (LSTM and GRU cells, convolutions),
and what the processor would do with its own random numbers, or to copies of what
should change (dropout, batch normalisation).
"""

import contextlib
import os
import types

import torch

NAME = "pretend"


def device_module():
    """Return what ``torch.cuda`` is to CUDA, as far as PyTorch and the chapters ask."""
    module = types.ModuleType(f"torch.{NAME}")
    module.is_available = module.is_initialized = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: 0
    module.device = lambda device: contextlib.nullcontext()
    module._is_in_bad_fork = lambda: False
    module.get_amp_supported_dtype = lambda: [torch.bfloat16]
    module.manual_seed_all = torch.ops.pretend.seed
    module.get_rng_state = lambda device=None: torch.ops.pretend.get_state()
    module.set_rng_state = lambda state, device=None: torch.ops.pretend.set_state(state)
    return module


def lstm_cell(input_gates, hidden_gates, cx, input_bias=None, hidden_bias=None):
    """A step of an LSTM from its products: the new h and c, and the gates."""
    gates = input_gates + hidden_gates
    if input_bias is not None:
        gates = gates + input_bias + hidden_bias
    i, f, g, o = gates.chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cy = f * cx + i * g
    return o * cy.tanh(), cy, torch.cat([i, f, g, o], dim=1)


def lstm_cell_backward(grad_hy, grad_cy, cx, cy, gates, has_bias):
    """The gradients for the gates before their activations, for c, for a bias."""
    i, f, g, o = gates.chunk(4, dim=1)
    c = cy.tanh()
    dh = torch.zeros_like(cx) if grad_hy is None else grad_hy
    dc = dh * o * (1 - c**2)
    dc = dc if grad_cy is None else dc + grad_cy
    parts = [dc * g * i * (1 - i), dc * cx * f * (1 - f), dc * i * (1 - g**2)]
    grad_gates = torch.cat([*parts, dh * c * o * (1 - o)], dim=1)
    return grad_gates, dc * f, summed(grad_gates, has_bias)


def gru_cell(input_gates, hidden_gates, hx, input_bias=None, hidden_bias=None):
    """A step of a GRU from its products: the new h, and what its gradient needs."""
    if input_bias is not None:
        input_gates, hidden_gates = input_gates + input_bias, hidden_gates + hidden_bias
    (r, z, n), (r_h, z_h, n_h) = input_gates.chunk(3, 1), hidden_gates.chunk(3, 1)
    r, z = (r + r_h).sigmoid(), (z + z_h).sigmoid()
    n = (n + r * n_h).tanh()
    return n + z * (hx - n), torch.cat([r, z, n, hx, n_h], dim=1)


def gru_cell_backward(grad_hy, workspace, has_bias):
    """The gradients for both products, for h, for both biases."""
    r, z, n, hx, n_h = workspace.chunk(5, dim=1)
    dn = grad_hy * (1 - z) * (1 - n**2)
    dz = grad_hy * (hx - n) * z * (1 - z)
    dr = dn * n_h * r * (1 - r)
    inputs, hidden = torch.cat([dr, dz, dn], dim=1), torch.cat([dr, dz, dn * r], dim=1)
    biases = summed(inputs, has_bias), summed(hidden, has_bias)
    return inputs, hidden, grad_hy * z, *biases


def summed(gradients, has_bias):
    """The gradient for a bias; without one, a tensor of no elements."""
    return gradients.sum(dim=0) if has_bias else gradients.new_empty(0)


def dropout(x, p, train):
    """Dropout that draws from the device's own generator."""
    if not train:
        return x, torch.ones_like(x, dtype=torch.bool)
    kept = torch.empty_like(x).bernoulli_(1 - p)
    return x * kept / (1 - p), kept.bool()


def convolution(x, w, b, *options):
    """Let the processor convolve copies."""
    b = b if b is None else b.cpu()
    return torch.ops.aten.convolution(x.cpu(), w.cpu(), b, *options).to(NAME)


def convolution_backward(grad, x, w, *options):
    """Let the processor convolve copies backwards."""
    copies, biases = (grad.cpu(), x.cpu(), w.cpu()), [grad.shape[1]]
    gradients = torch.ops.aten.convolution_backward(*copies, biases, *options)
    return tuple(g if g is None else g.to(NAME) for g in gradients)


def batch_norm(x, weight, bias, mean, var, *options):
    """Let the processor normalise copies; take over the running statistics."""
    mine = (x, weight, bias, mean, var)
    copies = [tensor if tensor is None else tensor.cpu() for tensor in mine]
    results = torch.ops.aten.native_batch_norm(*copies, *options)
    for kept, new in zip((mean, var), copies[3:], strict=True):
        if kept is not None:
            kept.copy_(new)
    return tuple(result.to(NAME) for result in results)


OPERATORS = {
    "_thnn_fused_lstm_cell": lstm_cell,
    "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
    "_thnn_fused_gru_cell": gru_cell,
    "_thnn_fused_gru_cell_backward": gru_cell_backward,
    "native_dropout": dropout,
    "native_batch_norm": batch_norm,
    "convolution_overrideable": convolution,
    "convolution_backward_overrideable": convolution_backward,
}

torch.ops.load_library(os.environ["PRETENDED_DEVICE"])
torch.utils.rename_privateuse1_backend(NAME)
torch._register_device_module(NAME, device_module())
torch.utils.generate_methods_for_privateuse1_backend()
library = torch.library.Library("aten", "IMPL")
for operator, function in OPERATORS.items():
    library.impl(operator, function, "PrivateUse1")
