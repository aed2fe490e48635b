/**
 * Training: the loop, losses, the optimiser, learning rates, moving averages of weights, and
 * checkpoints from which a run continues as if it had never stopped. For a diffusion model start
 * with {@code dev.sfumato.run.Training}; for a network or a loss of your own with {@link
 * dev.sfumato.training.Trainer} and {@link dev.sfumato.training.TrainingLoss}.
 */
package dev.sfumato.training;
