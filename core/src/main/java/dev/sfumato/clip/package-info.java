/**
 * CLIP maps pictures and texts to vectors in one space, after Radford et al., "Learning
 * Transferable Visual Models From Natural Language Supervision" (2021), <a
 * href="https://arxiv.org/abs/2103.00020">arXiv:2103.00020</a>.
 *
 * <p>{@link dev.sfumato.clip.ClipModel} loads a model and is enough for most uses. It has a {@link
 * dev.sfumato.clip.ClipNetwork}, which lets gradients through, a {@link
 * dev.sfumato.clip.ClipTokenizer} and an {@link dev.sfumato.clip.ImagePreprocessing}.
 */
package dev.sfumato.clip;
