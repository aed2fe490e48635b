package dev.sfumato.training;

/**
 * How far a run is.
 *
 * @param step optimiser steps done
 * @param epoch the epoch of the next micro-batch, from 0
 * @param batch the place of the next micro-batch in its epoch, from 0
 * @param images pictures seen
 */
public record Progress(long step, int epoch, int batch, long images) {
  /** Before the first step. */
  public static final Progress START = new Progress(0, 0, 0, 0);

  /** After a step over {@code micro-batches} of this epoch. */
  Progress after(int microBatches, long pictures, int perEpoch) {
    boolean last = batch + microBatches >= perEpoch;
    return new Progress(
        step + 1, last ? epoch + 1 : epoch, last ? 0 : batch + microBatches, images + pictures);
  }
}
