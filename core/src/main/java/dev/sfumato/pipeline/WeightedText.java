package dev.sfumato.pipeline;

/**
 * A part of a prompt.
 *
 * @param text the words
 * @param weight 1 for no change
 */
record WeightedText(String text, double weight) {}
