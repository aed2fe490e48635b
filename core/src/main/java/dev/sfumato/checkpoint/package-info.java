/**
 * Files of text-to-image models: {@link dev.sfumato.checkpoint.ModelParts} reads the parts of a
 * model from a directory in diffusers' layout or from one file in the original layout.
 */
package dev.sfumato.checkpoint;
