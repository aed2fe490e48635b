package dev.sfumato.pipeline;

import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.Set;

/**
 * All that a sampling needs besides the network.
 *
 * @param start noise or a picture
 * @param conditioning what is drawn
 * @param guidance what steers it
 */
record Plan(Start start, Conditioning conditioning, Guidance guidance) {
  private static final Set<String> WITH_ETA =
      Set.of(SchedulerKind.DDIM.className(), SchedulerKind.TCD.className());

  /** Makes the plan of a kind of pipeline. */
  @FunctionalInterface
  interface Maker {
    /**
     * Makes a plan in the current scope.
     *
     * @param options completed
     * @param sources the pictures and CLIP models that the options name
     * @param random the sampling's generator
     */
    Plan make(SamplingOptions options, LoadedSources sources, Rng random);
  }

  /** Draws pictures (count, C, H, W) with completed options, in the current scope. */
  static Tensor draw(
      DiffusionPipeline pipeline, SamplingOptions options, Maker maker, Sampler.Listener listener) {
    return draw(pipeline, options, maker, Optional.empty(), listener);
  }

  /** Draws pictures, of which a refiner takes the last steps. */
  static Tensor draw(
      DiffusionPipeline pipeline,
      SamplingOptions options,
      Maker maker,
      Optional<Refiner> refiner,
      Sampler.Listener listener) {
    pipeline.precision().requireOn(pipeline.denoiser().device());
    warnOfEta(options, pipeline.scheduler(options));
    int height = options.height().getAsInt();
    int width = options.width().getAsInt();
    int steps = options.steps().getAsInt();
    try (Scope scope = Scope.open();
        Rng random = new Rng(options.seed());
        LoadedSources sources = new LoadedSources(pipeline, height, width)) {
      Plan plan = maker.make(options, sources, random);
      Sampler sampler = plan.sampler(pipeline, options);
      if (refiner.isEmpty()) {
        return scope.keep(sampler.sample(plan.start, steps, random, listener));
      }
      DiffusionPipeline last = refiner.get().pipeline();
      double start = refiner.get().start();
      Tensor unfinished = sampler.samples(plan.start, start, steps, random, listener);
      Plan rest =
          new Plan(Start.goingOn(unfinished, start), last.conditioning(options), plan.guidance);
      return scope.keep(rest.sampler(last, options).sample(rest.start, steps, random, listener));
    }
  }

  private static void warnOfEta(SamplingOptions options, SchedulerConfig scheduler) {
    if (options.run().eta() > 0 && !WITH_ETA.contains(scheduler.className())) {
      System.getLogger(Plan.class.getName())
          .log(
              Level.WARNING,
              "`eta` has no effect with " + scheduler.className() + ": use ddim or tcd");
    }
  }

  private Sampler sampler(DiffusionPipeline pipeline, SamplingOptions options) {
    return new Sampler(pipeline.denoiser(), Scheduler.of(pipeline.scheduler(options)))
        .withSpace(pipeline.space(options))
        .withConditioning(conditioning)
        .withGuidance(guidance)
        .withRunOptions(options.run())
        .withBatchSize(options.batchSize().getAsInt());
  }
}
