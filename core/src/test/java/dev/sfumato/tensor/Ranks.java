package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The ranks of a process group as threads of one process. */
public final class Ranks {
  private Ranks() {}

  /** Returns the result of {@code work} for each rank. */
  public static <T> List<T> run(int size, Function<ProcessGroup, T> work) throws Exception {
    int port = freePort();
    ExecutorService threads = Executors.newFixedThreadPool(size);
    try {
      List<Future<T>> futures = new ArrayList<>();
      for (int rank = 0; rank < size; rank++) {
        Rendezvous place = new Rendezvous(rank, size, rank, size, "127.0.0.1", port, false, "0");
        futures.add(threads.submit(() -> join(place, work)));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get(2, TimeUnit.MINUTES));
      }
      return results;
    } finally {
      threads.shutdown();
    }
  }

  private static <T> T join(Rendezvous place, Function<ProcessGroup, T> work) {
    try (ProcessGroup group = ProcessGroup.join(place, lost -> {})) {
      return work.apply(group);
    }
  }

  /** The error of a rank on which {@code work} fails. */
  public static Optional<String> error(Runnable work) {
    try {
      work.run();
      return Optional.empty();
    } catch (SfumatoException e) {
      return Optional.of(e.getMessage());
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
