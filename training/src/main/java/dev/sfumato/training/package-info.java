/**
 * Training: the loop, the objective, the optimiser, learning rates, moving averages of weights, and
 * checkpoints from which a run goes on as if it had never stopped. Start with {@link
 * dev.sfumato.training.Trainer}.
 */
package dev.sfumato.training;
