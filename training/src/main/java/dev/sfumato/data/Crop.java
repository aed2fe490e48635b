package dev.sfumato.data;

/**
 * The part of a picture that is in a batch.
 *
 * @param frame how the picture got its size
 * @param top the first row of the scaled picture that is taken
 * @param left the first column, of the mirrored picture if it is mirrored
 */
public record Crop(Frame frame, int top, int left) {}
