package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.Moment;
import dev.sfumato.picture.Png;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DrawingQueueTest {
  private static final SamplingOptions ROSE =
      SamplingOptions.defaults().withText(TextOptions.of("a red rose")).withSteps(2);

  @TempDir static Path folder;
  private static Path model;

  @BeforeAll
  static void writeModel() {
    model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
  }

  /** A drawing that begins, says so, and goes on when it may. */
  private static final class Slow implements Guide {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch allowed = new CountDownLatch(1);

    @Override
    public Tensor loss(Tensor predictedX0, Moment at) {
      begun.countDown();
      try {
        allowed.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      return predictedX0.mean();
    }
  }

  private static byte[] png(DrawingQueue queue, SamplingOptions options) {
    return Png.encode(queue.draw(options).get(0));
  }

  @Test
  void oneDrawsWhileTheOthersWait() throws Exception {
    Slow slow = new Slow();
    AtomicInteger drawn = new AtomicInteger();
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model))) {
      byte[] alone = png(queue, ROSE.withSeed(3));
      CompletableFuture<Void> first =
          CompletableFuture.runAsync(() -> queue.draw(ROSE.withGuide(slow, 1)));
      slow.begun.await();
      CompletableFuture<byte[]> second =
          CompletableFuture.supplyAsync(
              () ->
                  png(
                      queue,
                      ROSE.withSeed(3)
                          .withGuide(
                              (x0, at) -> {
                                drawn.incrementAndGet();
                                return x0.mean().mul(0);
                              },
                              1)));
      Thread.sleep(200);
      assertThat(drawn.get()).isEqualTo(0);
      slow.allowed.countDown();
      first.get();
      assertThat(second.get()).isEqualTo(alone);
      assertThat(drawn.get()).isGreaterThan(0);
    }
  }

  @Test
  void closingWaitsForTheDrawingAndRefusesTheNext() throws Exception {
    long before = Scope.liveTensors();
    Slow slow = new Slow();
    DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model));
    CompletableFuture<Integer> first =
        CompletableFuture.supplyAsync(() -> queue.draw(ROSE.withGuide(slow, 1)).size());
    slow.begun.await();
    CompletableFuture<Void> closing = CompletableFuture.runAsync(queue::close);
    slow.allowed.countDown();
    assertThat(first.get()).isEqualTo(1);
    closing.get();
    queue.close(); // again, which does nothing
    assertThat(Scope.liveTensors()).isEqualTo(before);
    SfumatoException closed = assertThrows(SfumatoException.class, () -> queue.draw(ROSE));
    assertThat(closed).hasMessageThat().isEqualTo("the model is closed and draws no more");
  }

  @Test
  void anInterruptedThreadLeavesTheQueue() throws Exception {
    Slow slow = new Slow();
    AtomicInteger steps = new AtomicInteger();
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model))) {
      CompletableFuture<Void> first =
          CompletableFuture.runAsync(() -> queue.draw(ROSE.withGuide(slow, 1)));
      slow.begun.await();
      assertCancelled(queue, counted(steps), () -> {});
      slow.allowed.countDown();
      first.get();
      assertThat(queue.draw(ROSE)).hasSize(1);
      assertThat(steps.get()).isEqualTo(0);
    }
  }

  @Test
  void anInterruptedThreadStopsItsDrawing() throws Exception {
    long before = Scope.liveTensors();
    AtomicInteger steps = new AtomicInteger();
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model))) {
      SamplingOptions endless = counted(steps).withScheduler(SchedulerKind.DDIM).withSteps(900);
      assertCancelled(queue, endless, () -> waitFor(steps));
      assertThat(queue.draw(ROSE)).hasSize(1);
      assertThat(steps.get()).isLessThan(900);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static SamplingOptions counted(AtomicInteger steps) {
    return ROSE.withGuide(
        (x0, at) -> {
          steps.incrementAndGet();
          return x0.mean();
        },
        1);
  }

  private static void waitFor(AtomicInteger steps) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (steps.get() == 0 && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(steps.get()).isGreaterThan(0);
  }

  private static void assertCancelled(DrawingQueue queue, SamplingOptions options, Runnable first)
      throws InterruptedException {
    AtomicReference<RuntimeException> failure = new AtomicReference<>();
    Thread caller =
        new Thread(
            () -> {
              try {
                queue.draw(options);
              } catch (CancellationException e) {
                failure.set(e);
              }
            });
    caller.start();
    first.run();
    caller.interrupt();
    caller.join();
    assertThat(failure.get()).isInstanceOf(CancellationException.class);
  }

  @Test
  void oneThreadDrawsForAll() throws Exception {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    SamplingOptions noted =
        ROSE.withGuide(
            (x0, at) -> {
              threads.add(Thread.currentThread());
              return x0.mean();
            },
            1);
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model))) {
      for (int i = 0; i < 3; i++) {
        Thread caller = new Thread(() -> queue.draw(noted));
        caller.start();
        caller.join();
      }
    }
    assertThat(threads).hasSize(1);
  }

  @Test
  void eachDrawingHasItsOwnLoras() {
    Path file = Golden.path("lora/sd1_peft.safetensors");
    LoadingOptions.Lora whole = new LoadingOptions.Lora(file, 1);
    LoadingOptions.Lora half = new LoadingOptions.Lora(file, 0.5);
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model));
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      byte[] plain = png(queue, ROSE);
      long before = Scope.liveTensors();
      byte[] with = Png.encode(queue.draw(ROSE, List.of(whole)).get(0));
      byte[] again = Png.encode(queue.draw(ROSE, List.of(whole)).get(0));
      byte[] less = Png.encode(queue.draw(ROSE, List.of(half)).get(0));
      assertThat(png(queue, ROSE)).isEqualTo(plain);
      assertThat(Scope.liveTensors()).isEqualTo(before);
      assertThat(again).isEqualTo(with);
      try (LiveLora lora = pipeline.addLora(file, 1)) {
        assertThat(with).isEqualTo(Png.encode(pipeline.draw(ROSE).get(0)));
        lora.scale(0.5);
        assertThat(less).isEqualTo(Png.encode(pipeline.draw(ROSE).get(0)));
      }
      assertThat(with).isNotEqualTo(plain);
    }
  }

  @Test
  void aLoraThatDoesNotFitLeavesTheModelAsItIs() {
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(model))) {
      byte[] plain = png(queue, ROSE);
      List<LoadingOptions.Lora> missing =
          List.of(
              new LoadingOptions.Lora(Golden.path("lora/sd1_peft.safetensors"), 1),
              new LoadingOptions.Lora(folder.resolve("none.safetensors"), 1));
      assertThrows(SfumatoException.class, () -> queue.draw(ROSE, missing));
      assertThat(png(queue, ROSE)).isEqualTo(plain);
    }
  }

  @Test
  void refusesLorasOfAModelOfPixels() {
    Path pixels = Golden.path("pipeline/tiny");
    try (DrawingQueue queue = new DrawingQueue(DiffusionPipeline.load(pixels))) {
      List<LoadingOptions.Lora> loras = List.of(new LoadingOptions.Lora(folder, 1));
      InvalidOptionException refused =
          assertThrows(
              InvalidOptionException.class, () -> queue.draw(SamplingOptions.defaults(), loras));
      assertThat(refused).hasMessageThat().contains("`loras`");
    }
  }
}
