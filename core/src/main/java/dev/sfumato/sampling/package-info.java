/**
 * Sampling: from noise to pictures, step by step. Start with {@link dev.sfumato.sampling.Sampler}.
 */
package dev.sfumato.sampling;
