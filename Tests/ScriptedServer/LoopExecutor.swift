import NIOCore

/// Answers on the connection's own thread: tests that compute keep those of the concurrency runtime for minutes, and a
/// program that is asked to finish meanwhile would wait for as long.
package final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    package init(loop: any EventLoop) { self.loop = loop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
