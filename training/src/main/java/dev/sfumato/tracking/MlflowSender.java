package dev.sfumato.tracking;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowHttpException;

/**
 * Sends the metrics and files of one run to an MLflow server, in the background and in batches.
 * While the server is unreachable they wait; if too many wait, the oldest metrics are dropped.
 * MLflow's client waits for answers without a limit, so all its calls are made on one thread and
 * abandoned after half a minute.
 */
final class MlflowSender implements AutoCloseable {
  private static final System.Logger log = System.getLogger(MlflowSender.class.getName());
  private static final int METRICS_PER_REQUEST = 1000;
  private static final int MOST_WAITING = 100_000;
  private static final long PAUSE_SECONDS = 2;
  private static final long PATIENCE_SECONDS = 30;

  private final MlflowClient client;
  private final MlflowSettings settings;
  private final Deque<Metric> metrics = new ArrayDeque<>(); // these two guarded by this
  private final Deque<Artifact> files = new ArrayDeque<>();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread daemon = new Thread(task, "sfumato-mlflow");
            daemon.setDaemon(true);
            return daemon;
          });
  private MlflowArtifacts artifacts;
  private String run;
  private long lost;
  private boolean away;

  private record Artifact(Path file, String name) {}

  MlflowSender(MlflowClient client, MlflowSettings settings) {
    this.client = client;
    this.settings = settings;
  }

  /** Makes a call, waits for its result and throws its exception. */
  <T> T now(Callable<T> call) {
    try {
      return thread.submit(call).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new SfumatoException(complaint(e.getCause()), e.getCause());
    } catch (TimeoutException e) {
      throw new SfumatoException(complaint(e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SfumatoException("interrupted while waiting for MLflow", e);
    }
  }

  /** Starts to send metrics and files to this run. */
  void begin(RunInfo info) {
    run = info.getRunId();
    artifacts = new MlflowArtifacts(settings, info.getArtifactUri());
    thread.scheduleWithFixedDelay(this::send, PAUSE_SECONDS, PAUSE_SECONDS, TimeUnit.SECONDS);
  }

  synchronized void metric(String name, long step, double value) {
    metrics.add(
        Metric.newBuilder()
            .setKey(name)
            .setStep(step)
            .setValue(value)
            .setTimestamp(System.currentTimeMillis())
            .build());
    if (metrics.size() > MOST_WAITING) {
      metrics.remove();
      lost++;
    }
  }

  synchronized void file(Path file, String name) {
    files.add(new Artifact(file, name));
  }

  /** Sends everything that waits; after a failure the rest waits for the next time. */
  private void send() {
    try {
      for (List<Metric> some = nextMetrics(); !some.isEmpty(); some = nextMetrics()) {
        sendMetrics(some);
        remove(some);
      }
      for (Artifact next = nextFile(); next != null; next = nextFile()) {
        artifacts.put(next.file(), next.name());
        removeFile();
      }
      if (away) {
        log.log(Level.WARNING, settings.server() + " answers again");
      }
      away = false;
    } catch (RuntimeException | IOException e) {
      if (!away) {
        log.log(
            Level.WARNING,
            complaint(e) + "; the training continues, and the missing values are sent later");
      }
      away = true;
    }
  }

  /** Sends a batch; one that the server refuses is dropped, as it would always be refused. */
  private void sendMetrics(List<Metric> some) {
    try {
      client.logBatch(run, some, List.of(), List.of());
    } catch (MlflowHttpException e) {
      if (e.getStatusCode() != 400) {
        throw e;
      }
      log.log(Level.WARNING, complaint(e) + "; values left out: " + some.size());
      lost += some.size();
    }
  }

  private synchronized List<Metric> nextMetrics() {
    return metrics.stream().limit(METRICS_PER_REQUEST).toList();
  }

  /** Removes metrics after sending, except those already dropped. */
  private synchronized void remove(List<Metric> sent) {
    for (Metric metric : sent) {
      if (metrics.peek() == metric) {
        metrics.remove();
      }
    }
  }

  private synchronized Artifact nextFile() {
    return files.peek();
  }

  private synchronized void removeFile() {
    files.remove();
  }

  /** Sends the rest and then makes the call {@code last}; never fails. */
  void end(Runnable last) {
    try {
      now(
          () -> {
            send();
            last.run();
            return run;
          });
    } catch (SfumatoException e) {
      log.log(Level.WARNING, e.getMessage());
    }
    synchronized (this) {
      if (lost + metrics.size() + files.size() > 0) {
        log.log(
            Level.WARNING,
            String.format(
                Locale.ROOT,
                "values that did not reach MLflow: %s, files: %s; metrics.csv and the output directory"
                    + " hold all of them",
                lost + metrics.size(),
                files.size()));
      }
    }
  }

  private String complaint(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String reason =
        cause instanceof MlflowHttpException http
            ? http.getStatusCode() + " " + http.getBodyMessage()
            : cause instanceof TimeoutException
                ? "no answer in " + PATIENCE_SECONDS + " seconds"
                : String.valueOf(cause.getMessage());
    return Printable.shortened(
        "the MLflow server " + settings.server() + " cannot be used: " + reason);
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
