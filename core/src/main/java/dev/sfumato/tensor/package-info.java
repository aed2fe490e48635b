/**
 * Tensors, memory scopes, random generators, gradients and tensor files: everything that touches
 * the native engine (libtorch). No other package imports the engine.
 *
 * <p>Start with {@link dev.sfumato.tensor.Tensor} and {@link dev.sfumato.tensor.Scope}: a tensor
 * made while a scope is open is freed when it closes, unless it was kept. The operations of neural
 * networks are in {@link dev.sfumato.tensor.Functional}, random draws in {@link
 * dev.sfumato.tensor.Rng}, files in {@link dev.sfumato.tensor.Safetensors}.
 */
package dev.sfumato.tensor;
