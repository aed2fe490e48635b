package dev.sfumato.scheduler;

import static dev.sfumato.InvalidOptionException.require;

import java.util.List;

/**
 * The options of a run of a scheduler. As in diffusers, a scheduler ignores options that it does
 * not use, except custom timesteps. A pipeline warns of an {@code eta} that has no effect.
 *
 * @param eta DDIM's weight of fresh noise, from 0 (none) to 1 (as much as DDPM); TCD's gamma
 * @param useClippedModelOutput DDIM: whether the noise is derived again from the limited x_0
 * @param timesteps DDPM, Euler, Heun, DPM-Solver++, LCM, TCD: the timesteps to visit, falling;
 *     empty for the usual spacing
 * @param churn Euler: noise before each step; DPM-Solver-SDE uses only its standard deviation
 * @param keepsSteps LCM: whether a start from a picture takes all steps, spread over the noise
 *     levels that are left, instead of the last of them
 */
public record RunOptions(
    double eta,
    boolean useClippedModelOutput,
    List<Integer> timesteps,
    Churn churn,
    boolean keepsSteps) {
  public RunOptions {
    require(eta >= 0 && eta <= 1, "`eta` must lie between 0 and 1, not " + eta);
    timesteps = List.copyOf(timesteps);
  }

  /**
   * Returns the defaults: no fresh noise in DDIM, the model's own noise, the usual spacing, no
   * churn, the last steps after a start from a picture.
   */
  public static RunOptions defaults() {
    return new RunOptions(0, false, List.of(), Churn.NONE, false);
  }

  /** Returns the same options with another {@code eta}. */
  public RunOptions withEta(double eta) {
    return new RunOptions(eta, useClippedModelOutput, timesteps, churn, keepsSteps);
  }

  /** Returns the same options with another {@code useClippedModelOutput}. */
  public RunOptions withUseClippedModelOutput(boolean use) {
    return new RunOptions(eta, use, timesteps, churn, keepsSteps);
  }

  /** Returns the same options with custom timesteps. */
  public RunOptions withTimesteps(List<Integer> timesteps) {
    return new RunOptions(eta, useClippedModelOutput, timesteps, churn, keepsSteps);
  }

  /** Returns the same options with {@code churn}. */
  public RunOptions withChurn(Churn churn) {
    return new RunOptions(eta, useClippedModelOutput, timesteps, churn, keepsSteps);
  }

  /** Returns the same options with another {@code keepsSteps}. */
  public RunOptions withKeepsSteps(boolean keeps) {
    return new RunOptions(eta, useClippedModelOutput, timesteps, churn, keeps);
  }
}
