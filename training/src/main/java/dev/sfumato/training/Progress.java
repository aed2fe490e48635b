package dev.sfumato.training;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import dev.sfumato.SfumatoException;
import java.util.Locale;

/**
 * The progress of a run.
 *
 * @param step optimiser steps done
 * @param epoch the epoch of the next micro-batch, from 0
 * @param batch the position of the next micro-batch in its epoch, from 0
 * @param images pictures seen
 */
public record Progress(
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.FAIL) long step,
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.FAIL) int epoch,
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.FAIL) int batch,
    @JsonProperty(required = true) @JsonSetter(nulls = Nulls.FAIL) long images) {
  /** The progress before the first step. */
  public static final Progress START = new Progress(0, 0, 0, 0);

  /**
   * Checks that no number is negative.
   *
   * @throws SfumatoException if one is
   */
  public Progress {
    if (step < 0 || epoch < 0 || batch < 0 || images < 0) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "no run is at step %d, epoch %d, batch %d, after %d pictures",
              step,
              epoch,
              batch,
              images));
    }
  }

  /** Returns the progress after a step over {@code microBatches} of this epoch. */
  Progress after(int microBatches, long pictures, int perEpoch) {
    boolean last = batch + microBatches >= perEpoch;
    return new Progress(
        step + 1, last ? epoch + 1 : epoch, last ? 0 : batch + microBatches, images + pictures);
  }
}
