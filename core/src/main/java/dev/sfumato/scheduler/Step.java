package dev.sfumato.scheduler;

/**
 * One step of a {@link Run}.
 *
 * @param index from 0, in the order of sampling
 * @param count the number of steps of the run
 * @param timestep the model's timestep, from 0 (clean) to T - 1 (noise)
 */
public record Step(int index, int count, double timestep) {}
